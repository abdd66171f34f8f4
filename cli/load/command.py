"""`aurelius load`."""

import click


@click.command("load", short_help="Load a running platform and grade what it answers")
def command() -> None:
    """Load a running platform and grade what it answers."""
