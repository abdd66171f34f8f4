"""The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): a quoted string, or the same unquoted."""

import re
from collections.abc import Sequence

from shared.contracts.errors import InputError, Malformed

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_LENGTH = 255

# A string of RFC 9651, section 3.3.3; and what many clients send: the text alone, without what would be read otherwise.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!#-+\--:<-\[\]-~]+")
_ESCAPED = re.compile(r"\\(.)")


def key_of(values: Sequence[str]) -> str:
    """Return the key of all of a request's `Idempotency-Key` headers, empty for none. Raises Malformed."""
    if not values:
        return ""
    if len(values) > 1:
        raise _malformed("is given twice")
    text = values[0].strip(" \t")
    if quoted := _QUOTED.fullmatch(text):
        key = _ESCAPED.sub(r"\1", quoted[1])
    elif _BARE.fullmatch(text):
        key = text
    else:
        raise _malformed(
            "is not readable: send visible ASCII characters, such as a UUID, and those with a space, comma, semicolon, "
            "quote or backslash among them in double quotes"
        )
    if not 1 <= len(key) <= MAX_LENGTH:
        raise _malformed(f"is {len(key)} characters long; send 1 to {MAX_LENGTH}, such as a UUID")
    return key


def _malformed(said: str) -> Malformed:
    return Malformed(f"{HEADER} {said}", errors=(InputError(f"/header/{HEADER}", said),))
