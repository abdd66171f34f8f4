"""The table of streams."""

from shared.contracts.events import EVENTS
from shared.contracts.messages import REQUESTS, SERVICES
from shared.contracts.streams import (
    ASKS,
    CHECKS,
    EVENT_SOURCES,
    OUTSIDE,
    PROCESSES,
    STREAMS,
    checks_of,
    event_stream,
    rpc_stream,
)

BY_NAME = {stream.name: stream for stream in STREAMS}


def test_a_stream_is_declared_once() -> None:
    """The table is the one place that says who writes and reads."""
    assert len(BY_NAME) == len(STREAMS)


def test_every_event_has_a_stream_with_sequence_ids() -> None:
    """Consumers may count on dense ids for every type."""
    assert {event.SOURCE for event in EVENTS} == set(EVENT_SOURCES)
    assert {BY_NAME[event_stream(event.SOURCE)].ids for event in EVENTS} == {"<sequence>-0"}


def test_readers_of_a_group_are_told_apart() -> None:
    """A group twice in one stream would share the entries between two readers that both want all."""
    for stream in STREAMS:
        groups = [reader.group for reader in stream.readers if reader.group]
        assert len(set(groups)) == len(groups)


def test_every_stream_has_somebody_at_either_end() -> None:
    """Known by the names that the users of the bus have; nobody from outside writes."""
    assert ("gateway", *SERVICES) == PROCESSES
    for stream in STREAMS:
        assert stream.writers
        assert stream.readers
        assert set(stream.writers) <= set(PROCESSES)
        assert {reader.name for reader in stream.readers} <= {*PROCESSES, OUTSIDE}


def test_whoever_is_asked_answers() -> None:
    """A service that asks another has replies to hear, and who is asked may write them; everyone is asked something."""
    for asker, asked in (*ASKS.items(), *CHECKS.items()):
        assert BY_NAME[f"aurelius.replies.{asker}-<process>"].writers == asked
        assert all((asker in BY_NAME[rpc_stream(service)].writers) == (asker in ASKS) for service in asked)
        assert all((asker,) == BY_NAME[rpc_stream(checks_of(service))].writers for service in CHECKS.get(asker, ()))
    assert {service for asked in ASKS.values() for service in asked} == set(SERVICES)
    assert {request.SERVICE for request in REQUESTS} <= set(ASKS["gateway"])
