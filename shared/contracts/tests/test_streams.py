"""The table of streams."""

from shared.contracts.events import EVENTS
from shared.contracts.streams import EVENT_SOURCES, STREAMS, event_stream


def test_a_stream_is_declared_once() -> None:
    """The table is the one place that says who writes and reads."""
    names = [stream.name for stream in STREAMS]
    assert len(set(names)) == len(names)


def test_every_event_has_a_stream_with_sequence_ids() -> None:
    """Consumers may count on dense ids for every type."""
    ids = {stream.name: stream.ids for stream in STREAMS}
    assert {event.SOURCE for event in EVENTS} == set(EVENT_SOURCES)
    assert {ids[event_stream(event.SOURCE)] for event in EVENTS} == {"<sequence>-0"}


def test_readers_of_a_group_are_told_apart() -> None:
    """A name twice in one stream's groups would share the entries between two readers that both want all."""
    for stream in STREAMS:
        assert len(set(stream.groups)) == len(stream.groups)
