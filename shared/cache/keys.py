"""Names in the cache server: all share one hash tag, hence one slot of a cluster, so that a script may use any.

States, heads, entries and lists of variants begin differently, so that a user may be let at one and not another.
"""

import hashlib
import re
from typing import Final

from shared.contracts.objects import Keeper

PREFIX: Final = "{aurelius:cache}"

FEED: Final = f"{PREFIX}#feed"
"""The channel on which each raised floor is told: `<version> <object>`, in ASCII."""

APP: Final = "app"
"""The type of what other code keeps by a name of its own."""

_OBJECT = re.compile(r"([a-z][a-z_]{0,31}):[A-Za-z0-9._:-]{1,128}")
_PLAIN_VARIANT = re.compile(r"[A-Za-z0-9._=&,%+-]{1,64}")


class InvalidObject(ValueError):
    """The name is not `type:id`; objects are built by code, so this is a fault of the caller."""


def object_type(obj: str) -> str:
    """Return the text before the first colon: `strategy` for `strategy:018f...`.

    Raises InvalidObject when `obj` is not `type:id` in letters, digits and `._:-` (the rest separates keys).
    """
    match = _OBJECT.fullmatch(obj)
    if match is None:
        raise InvalidObject(f"{obj[:80]!r} is no cache object: write type:id, such as strategy:018f2c")
    return match[1]


def state_key(keeper: Keeper) -> str:
    """Return the key of the state of a keeper's objects."""
    return f"{PREFIX}#state:{keeper}"


def head_key(obj: str) -> str:
    """Return the key of the object's head. Raises InvalidObject."""
    object_type(obj)
    return f"{PREFIX}:{obj}"


def variants_key(obj: str) -> str:
    """Return the key of the set that lists the object's stored variants. Raises InvalidObject."""
    object_type(obj)
    return f"{PREFIX}#variants:{obj}"


def entry_key(obj: str, variant: str) -> str:
    """Return the key of one stored variant of the object. Raises InvalidObject."""
    object_type(obj)
    return f"{PREFIX}/{obj}/{variant_segment(variant)}"


def variant_segment(variant: str) -> str:
    """Return the variant as the last part of its key: as it is when short and plain, else `~` and its digest.

    128 bits of BLAKE2b: two variants of one object meet by chance once in 2**64 stored ones.
    """
    if _PLAIN_VARIANT.fullmatch(variant):
        return variant
    return "~" + hashlib.blake2b(variant.encode(), digest_size=16).hexdigest()
