"""Stream entries as the relays write them."""

from collections.abc import Mapping

import msgspec

from shared.contracts.events import CloudEvent, StrategyUpdated
from shared.runtime.bus.connection import Entry

TIME = "2026-03-01T10:00:00Z"


def event_fields(
    objects: Mapping[str, int], *, time: str = TIME, kind: str = StrategyUpdated.TYPE
) -> dict[bytes, bytes]:
    """The fields of an event that raised these objects."""
    data = StrategyUpdated(id="1", owner="9", version=1, objects=dict(objects))
    event = CloudEvent(
        id="5f0c2d4e",
        source="/aurelius/strategy",
        type=StrategyUpdated.TYPE,
        subject="strategy:1",
        time=time,
        sequence=1,
        owner="9",
        traceparent="",
        data=msgspec.json.encode(data),
    )
    fields = {
        name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in event.to_entry().items()
    }
    return {**fields, b"type": kind.encode()}


def event_entry(sequence: int, objects: Mapping[str, int], *, time: str = TIME) -> Entry:
    """The same, as a reader gets it."""
    return Entry(f"{sequence}-0".encode(), event_fields(objects, time=time))
