"""What the checker of the caches needs of a change event: the objects it names, and its trace."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from shared.contracts.values import Value


class Changed(NamedTuple):
    """The objects of one event, with the traceparent of the request it came of, empty for none."""

    objects: list[str]
    trace: str


class _Data(Value, frozen=True, kw_only=True):
    objects: dict[str, int] = {}


_DATA = msgspec.json.Decoder(_Data)


def changed_by(fields: Mapping[bytes, bytes]) -> Changed:
    """Read a stream entry; one that is no event has changed nothing."""
    try:
        objects = _DATA.decode(fields.get(b"data", b"")).objects
        return Changed(list(objects), fields.get(b"traceparent", b"").decode())
    except (ValueError, msgspec.MsgspecError):
        return Changed([], "")
