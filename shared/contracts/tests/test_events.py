"""Events as CloudEvents in binary mode."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import events
from shared.contracts.events import BY_TYPE, EVENTS, CloudEvent, Event, StrategyUpdated, rfc3339
from shared.contracts.tests.entries import as_read

REQUIRED = {"specversion", "id", "source", "type"}
OPTIONAL = {"subject", "time", "datacontenttype", "dataschema"}
EXTENSIONS = {"sequence", "owner", "traceparent"}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
cloud_events = st.builds(
    CloudEvent,
    id=texts,
    source=texts,
    type=st.sampled_from(sorted(BY_TYPE)),
    subject=texts,
    time=st.datetimes(timezones=st.just(UTC)).map(rfc3339),
    sequence=st.integers(1, 2**63 - 1),
    owner=texts,
    traceparent=st.just("") | texts,
    data=st.binary(),
)


@given(cloud_events)
def test_an_event_arrives_as_it_was_sent(event: CloudEvent) -> None:
    """Every attribute and the data, byte for byte."""
    assert CloudEvent.from_entry(as_read(event.to_entry())) == event


@given(cloud_events)
def test_an_entry_is_a_cloudevent(event: CloudEvent) -> None:
    """CloudEvents 1.0: required attributes there, names in lower case, no attribute empty."""
    attributes = event.to_entry()
    attributes.pop("data")
    assert set(attributes) >= REQUIRED
    assert set(attributes) <= REQUIRED | OPTIONAL | EXTENSIONS
    assert attributes["specversion"] == "1.0"
    assert attributes["datacontenttype"] == "application/json"
    assert all(name.isascii() and name.isalnum() and name == name.lower() and len(name) <= 20 for name in attributes)
    assert all(attributes.values())


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time", "sequence", "owner", "data"])
def test_an_entry_without_an_attribute_is_refused(name: str) -> None:
    """A half-written or foreign entry is no event."""
    entry = as_read(sample(StrategyUpdated.TYPE).to_entry())
    del entry[name.encode()]
    with pytest.raises(KeyError):
        CloudEvent.from_entry(entry)


@pytest.mark.parametrize("kind", EVENTS)
def test_the_data_is_decoded_by_its_type(kind: type[Event]) -> None:
    """A consumer gets the class the producer announced."""
    data = kind(id="7", owner="me", version=3, changed=["name"], objects={"strategy:7": 3})
    assert sample(kind.TYPE, msgspec.json.encode(data)).event() == data


def test_an_unknown_type_is_left_to_newer_consumers() -> None:
    """None, not an error: an older reader meets newer events."""
    assert msgspec.structs.replace(sample(StrategyUpdated.TYPE), type="aurelius.moon.landed.v9").event() is None


def test_data_that_does_not_fit_its_type_is_an_error() -> None:
    """Rather than an event with holes."""
    with pytest.raises(msgspec.ValidationError):
        sample(StrategyUpdated.TYPE, b"{}").event()


def test_an_older_reader_ignores_new_fields() -> None:
    """Fields may be added to a type without a new version of it."""
    data = b'{"id":"7","owner":"me","version":3,"colour":"red"}'
    assert sample(StrategyUpdated.TYPE, data).event() == StrategyUpdated(id="7", owner="me", version=3)


def test_every_event_class_is_listed_once() -> None:
    """What is not in the table cannot be read or documented."""
    declared = [kind for kind in Event.__subclasses__() if kind.__module__ == events.__name__]
    assert set(declared) == set(EVENTS)
    assert len(BY_TYPE) == len(EVENTS)
    assert all(kind.TYPE.startswith("aurelius.") and kind.TYPE.endswith(".v1") for kind in EVENTS)


def test_times_are_rfc_3339_in_utc() -> None:
    """With a Z; and a time of another zone keeps its offset."""
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) == "2026-01-02T03:04:05.000678Z"
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
    assert rfc3339(datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-02T00:00:00+01:00"


def sample(kind: str, data: bytes = b"{}") -> CloudEvent:
    """Return an event of this type."""
    return CloudEvent(
        id="e1",
        source="/aurelius/strategy",
        type=kind,
        subject="strategy:7",
        time="2026-01-02T03:04:05Z",
        sequence=1,
        owner="me",
        traceparent="",
        data=data,
    )
