"""Text that people type: trimmed, never blank, and fit to be stored."""

import unicodedata

from shared.contracts.errors import InputError, Invalid


def required_text(pointer: str, text: str) -> str:
    """Return `text` without surrounding white space.

    Raises Invalid at `pointer` when nothing is left of it, or a character that turns a line round or breaks it is.
    """
    trimmed = storable_text(pointer, text).strip()
    if not trimmed:
        raise _invalid(pointer, "is blank; give at least one visible character")
    if not trimmed.isprintable():
        raise _invalid(pointer, "holds a character that cannot be shown, such as a line break; take it out")
    return trimmed


def storable_text(pointer: str, text: str) -> str:
    """Return `text` as it is. Raises Invalid at `pointer` for a NUL, the one character Postgres cannot store."""
    if not is_storable(text):
        raise _invalid(pointer, "contains the character U+0000; remove it")
    return text


def is_storable(text: str) -> bool:
    """Say whether Postgres can store `text`."""
    return "\0" not in text


def normal_email(email: str) -> str:
    """Return the one spelling under which an account is known: lower case, composed characters (Unicode NFC)."""
    return unicodedata.normalize("NFC", email.lower())


def _invalid(pointer: str, fault: str) -> Invalid:
    field = pointer.removeprefix("/")
    return Invalid(f"The {field} {fault}", errors=(InputError(pointer, fault),))
