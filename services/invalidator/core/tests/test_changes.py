"""What is read out of events, and what a batch of them comes to."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.invalidator.core.changes import Change, NotAnEvent, newest, read_change
from services.invalidator.tests.entries import event_fields

VERSIONS = st.dictionaries(st.sampled_from(["strategy:1", "strategy:2", "strategies:9"]), st.integers(0, 2**53))


def change(**objects: int) -> Change:
    """A change of strategies, at no known time."""
    return Change(objects={f"strategy:{name}": version for name, version in objects.items()}, at=None)


def test_an_event_names_its_objects_and_its_time() -> None:
    """As the services announce them."""
    fields = event_fields({"strategy:1": 4, "strategies:9": 12}, time="2026-03-01T10:00:00.250000Z")
    read = read_change(fields)
    assert read.objects == {"strategy:1": 4, "strategies:9": 12}
    assert read.at == datetime(2026, 3, 1, 10, 0, 0, 250_000, tzinfo=UTC)


def test_an_event_of_an_unknown_type_is_applied_like_any_other() -> None:
    """A newer service may announce what this version has never heard of."""
    fields = event_fields({"strategy:1": 4}, kind="aurelius.strategy.renumbered.v7")
    assert read_change(fields).objects == {"strategy:1": 4}


def test_an_event_that_changed_no_object_is_an_event() -> None:
    """There is nothing to do."""
    assert read_change({**event_fields({}), b"data": b'{"id": "1"}'}).objects == {}


def test_a_time_that_is_none_does_not_keep_an_event_from_being_applied() -> None:
    """Only its lag is unknown."""
    assert read_change(event_fields({"strategy:1": 1}, time="yesterday")) == change(**{"1": 1})


def test_a_time_without_a_zone_is_utc() -> None:
    """CloudEvents wants a zone; a time without one must not break the arithmetic."""
    assert read_change(event_fields({}, time="2026-03-01T10:00:00")).at == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"sequence", b"one"),
        (b"type", b"\xff"),
        (b"data", b"{"),
        (b"data", b"[]"),
        (b"data", b'{"objects": ["strategy:1"]}'),
        (b"data", b'{"objects": {"strategy:1": "4"}}'),
        (b"data", b'{"objects": {"strategy:1": 4.5}}'),
    ],
)
def test_what_is_no_event_is_told_apart(field: bytes, value: bytes) -> None:
    """However it is broken, with one error."""
    with pytest.raises(NotAnEvent):
        read_change({**event_fields({"strategy:1": 4}), field: value})


def test_a_missing_attribute_is_named() -> None:
    """So that the log says what is wrong."""
    fields = event_fields({"strategy:1": 4})
    del fields[b"data"]
    with pytest.raises(NotAnEvent, match="data"):
        read_change(fields)


def test_a_batch_comes_to_one_version_an_object() -> None:
    """The highest: applying it applies all before it."""
    assert newest([change(a=3, b=1), change(a=2), change(a=5, c=0)]) == {
        "strategy:a": 5,
        "strategy:b": 1,
        "strategy:c": 0,
    }
    assert newest([]) == {}


@given(st.lists(VERSIONS), st.randoms())
def test_order_and_repeats_do_not_matter(versions: list[dict[str, int]], random: Random) -> None:
    """Events may come again, and in any order."""
    changes = [Change(objects=objects, at=None) for objects in versions]
    shuffled = changes + changes[: len(changes) // 2]
    random.shuffle(shuffled)
    assert newest(shuffled) == newest(changes)
    assert newest([Change(objects=newest(changes), at=None), *changes]) == newest(changes)
