"""How an upload is refused as a whole."""

from shared.contracts.errors import InputError, Invalid


def refused(why: str) -> Invalid:
    """Return the error for a file that cannot be read; `why` goes on where `The file` ends."""
    return Invalid(f"The file {why}", errors=(InputError("/file", why),))
