"""How AURELIUS is brought up: on a developer's machine (`local`), in containers, in a cluster."""
