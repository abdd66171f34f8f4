"""The AsyncAPI 3.0 document of the event streams, made from the declarations in this package."""

import msgspec

from shared.contracts.events import EVENTS, CloudEvent, Event
from shared.contracts.streams import EVENT_SOURCES, event_stream

_ATTRIBUTES = sorted(
    CloudEvent(
        id="", source="", type=EVENTS[0].TYPE, subject="", time="", sequence=1, owner="", traceparent="all", data=b""
    )
    .to_entry()
    .keys()
    - {"data"}
)


def document() -> dict[str, object]:
    """Return the document: one channel a stream, one message an event type, CloudEvents in binary mode."""
    _, schemas = msgspec.json.schema_components(EVENTS, ref_template="#/components/schemas/{name}")
    channels = {source: _channel(source) for source in EVENT_SOURCES}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "AURELIUS events",
            "version": "1.0.0",
            "description": (
                "Redis streams. Each entry is a CloudEvents 1.0 event in binary mode: one field per attribute and "
                "`data` (JSON). Entry ids are `<sequence>-0`, dense per stream; delivery is at least once, in order "
                "per subject, and a repeat carries the same id."
            ),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"publish-{source}": {"action": "send", "channel": {"$ref": f"#/channels/{source}"}}
            for source in EVENT_SOURCES
        },
        "components": {"schemas": schemas, "messages": {event.__name__: _message(event) for event in EVENTS}},
    }


def _channel(source: str) -> dict[str, object]:
    events = [event for event in EVENTS if source == event.SOURCE]
    return {
        "address": event_stream(source),
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"} for event in events},
    }


def _message(event: type[Event]) -> dict[str, object]:
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "headers": {"type": "object", "properties": {name: {"type": "string"} for name in _ATTRIBUTES}},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
    }
