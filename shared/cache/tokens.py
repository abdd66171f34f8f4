"""The Consistency-Token: which versions a client's own writes have reached, as text that it hands back unread."""

import base64
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from shared.cache.keys import object_type
from shared.cache.record import MAX_VERSION

MAX_PAIRS: Final = 32
MAX_LENGTH: Final = 8192  # of the text; MAX_PAIRS of the longest names take 7,726

_Pairs = dict[str, Annotated[int, msgspec.Meta(ge=0, le=MAX_VERSION)]]


class InvalidToken(ValueError):
    """The client sent a token that this platform did not make."""


def encode(versions: Mapping[str, int]) -> str:
    """Return a token of object: version pairs, newest write last, in the alphabet of URLs.

    Of more than MAX_PAIRS the last are kept; `merge` says what that costs. The text is not signed: it can only make
    its sender's own reads fresher.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(_newest(versions))).decode().rstrip("=")


def decode(token: str) -> dict[str, int]:
    """Return the pairs of a token. Raises InvalidToken, with a text that may be shown to the client."""
    if len(token) > MAX_LENGTH:
        raise InvalidToken(f"the Consistency-Token is longer than {MAX_LENGTH} characters: send the last one received")
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        versions = msgspec.json.decode(text, type=_Pairs)
        for obj in versions:
            object_type(obj)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidToken("the Consistency-Token cannot be read: send it exactly as it was received") from error
    if len(versions) > MAX_PAIRS:
        raise InvalidToken(f"the Consistency-Token names more than {MAX_PAIRS} objects: send the last one received")
    return versions


def merge(older: Mapping[str, int], newer: Mapping[str, int]) -> dict[str, int]:
    """Return the higher version of each object, those of `newer` last, and of more than MAX_PAIRS the last.

    A dropped pair weakens its own object only: reads of it no longer wait for that write, and rely on its event
    having reached the cache, which takes milliseconds while MAX_PAIRS other objects were written since. Keeping the
    last written is therefore what loses least; versions of different objects do not compare.
    """
    merged = {obj: version for obj, version in older.items() if obj not in newer}
    merged |= {obj: max(version, older.get(obj, 0)) for obj, version in newer.items()}
    return _newest(merged)


def _newest(versions: Mapping[str, int]) -> dict[str, int]:
    return dict(list(versions.items())[-MAX_PAIRS:])
