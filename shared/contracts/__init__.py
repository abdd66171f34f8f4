"""What the services say to each other: messages, events, streams, values, errors. Standard library and msgspec only."""
