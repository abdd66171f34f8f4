"""Stream entries as a client reads them."""


def as_read(entry: dict[str, str | bytes]) -> dict[bytes, bytes]:
    """Return the fields as they come from the server: bytes."""
    return {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in entry.items()}
