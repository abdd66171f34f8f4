"""Text that people type: trimmed, never blank, and fit to be stored."""

import unicodedata

from shared.contracts.errors import InputError, Invalid

_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def required_text(pointer: str, text: str) -> str:
    """Return `text` without surrounding white space.

    Raises Invalid at `pointer` when nothing is left of it, or a character in it breaks the line or turns it round.
    """
    trimmed = storable_text(pointer, text).strip()
    if not trimmed:
        raise _invalid(pointer, "is blank; give at least one visible character")
    if any(_breaks_the_line(character) for character in trimmed):
        raise _invalid(pointer, "holds a line break, or a character that turns the text round; take it out")
    return trimmed


def _breaks_the_line(character: str) -> bool:
    """Whether it is a control character, ends a line, or changes the direction of what follows (Unicode UAX #9)."""
    return unicodedata.category(character) in {"Cc", "Zl", "Zp"} or unicodedata.bidirectional(character) in _TURNS


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
