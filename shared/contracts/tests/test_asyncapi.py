"""The AsyncAPI document of the event streams."""

from collections.abc import Iterator

import msgspec
import pytest

from shared.contracts.asyncapi import document
from shared.contracts.events import EVENTS, CloudEvent, Event, data_schema

Json = dict[str, object] | list[object] | str | int | float | bool | None


@pytest.fixture(scope="module")
def api() -> Json:
    """The document as a reader gets it: through JSON."""
    read: Json = msgspec.json.decode(msgspec.json.encode(document()))
    return read


def references(node: object) -> Iterator[str]:
    """Yield every $ref under `node`."""
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            yield ref
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolve(api: object, pointer: str) -> dict[str, object]:
    """Return what `#/a/b` leads to. Raises KeyError where it leads nowhere."""
    for part in pointer.removeprefix("#/").split("/"):
        assert isinstance(api, dict), pointer
        api = api[part]
    assert isinstance(api, dict), pointer
    return api


def test_every_reference_leads_somewhere(api: Json) -> None:
    """Generators of clients stop at the first that does not."""
    found = list(references(api))
    assert len(found) > len(EVENTS)
    for ref in found:
        assert ref.startswith("#/")
        resolve(api, ref)


@pytest.mark.parametrize("event", EVENTS)
def test_the_dataschema_of_an_event_is_in_the_document(api: Json, event: type[Event]) -> None:
    """The attribute is a URI reference that a consumer can follow, to the schema of that type's data."""
    path, _, pointer = data_schema(event.TYPE).partition("#")
    assert path == "/asyncapi.json"
    schema = resolve(api, f"#{pointer}")
    assert schema["title"] == event.__name__
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == {field.encode_name for field in msgspec.structs.fields(event)}


@pytest.mark.parametrize("event", EVENTS)
def test_a_channel_lists_the_events_of_its_source(api: Json, event: type[Event]) -> None:
    """Each once, under the stream it is really written to, with its type as the message's name."""
    channel = resolve(api, f"#/channels/{event.SOURCE}")
    assert channel["address"] == f"aurelius.events.{event.SOURCE}"
    messages = channel["messages"]
    assert isinstance(messages, dict)
    message = resolve(api, messages[event.__name__]["$ref"])
    assert message["name"] == event.TYPE
    assert message["summary"]
    assert message["payload"] == {"$ref": f"#/components/schemas/{event.__name__}"}


@pytest.mark.parametrize("event", EVENTS)
def test_the_headers_are_the_attributes_of_an_entry(api: Json, event: type[Event]) -> None:
    """Field for field what a consumer finds in the stream."""
    entry = CloudEvent(
        id="1", source="/", type=event.TYPE, subject="s", time="t", sequence=1, owner="o", traceparent="00-1", data=b""
    ).to_entry()
    headers = resolve(api, f"#/components/messages/{event.__name__}/headers/properties")
    assert set(headers) == set(entry) - {"data"}


def test_the_document_says_its_version(api: Json) -> None:
    """AsyncAPI 3, and the operations are all ours: outside consumers only read."""
    assert isinstance(api, dict)
    assert api["asyncapi"] == "3.0.0"
    operations = api["operations"]
    assert isinstance(operations, dict)
    assert {operation["action"] for operation in operations.values()} == {"send"}
