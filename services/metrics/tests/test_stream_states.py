"""Streams as administrators are shown them, asked of a real bus."""

import pytest

from services.metrics.stream_states import StreamStates
from shared.contracts.bus_messages import DescribeStreams, StreamPage
from shared.contracts.errors import Forbidden, Unavailable
from shared.contracts.streams import STREAMS, TIMINGS, event_stream
from shared.contracts.values import Principal
from shared.runtime.bus.connection import make_client
from shared.runtime.bus.server import Call

pytestmark = pytest.mark.integration

EVENTS = event_stream("strategy")


def call_of(role: str) -> Call:
    """Return a request of an account with this role."""
    return Call("1", Principal(user_id="1", role="admin" if role == "admin" else "user"), 0.0, "", "")


async def described(url: str, role: str = "admin") -> StreamPage:
    """Ask."""
    async with make_client(url) as client:
        page = (await StreamStates(client).describe(DescribeStreams(), call_of(role))).value
    assert isinstance(page, StreamPage)
    return page


async def test_every_stream_is_there_with_its_groups(bus_url: str) -> None:
    """What a group was given and owes, what it was not given, counted by sequence, and who reads for it."""
    async with make_client(bus_url) as client:
        for sequence in range(1, 6):
            await client.xadd(EVENTS, {"n": "1"}, id=f"{sequence}-0")
        await client.xgroup_create(EVENTS, "invalidator", id="0")
        await client.xreadgroup("invalidator", "one", {EVENTS: ">"}, count=2)
    states = {state.name: state for state in (await described(bus_url)).items}
    assert list(states) == [stream.name for stream in STREAMS if "<" not in stream.name]
    events, timings = states[EVENTS], states[TIMINGS]
    assert (events.length, events.first_id, events.last_id) == (5, "1-0", "5-0")
    (group,) = events.groups
    assert (group.name, group.last_delivered_id, group.pending, group.lag) == ("invalidator", "2-0", 2, 3)
    assert [(consumer.name, consumer.pending) for consumer in group.consumers] == [("one", 2)]
    assert (timings.length, timings.first_id, timings.last_id, timings.groups) == (0, None, None, [])


async def test_only_an_administrator_is_shown_them(bus_url: str) -> None:
    """Whatever the gateway let through."""
    with pytest.raises(Forbidden):
        await described(bus_url, "user")


async def test_a_bus_that_is_away_is_said_to_be() -> None:
    """With the error that has the client try again."""
    with pytest.raises(Unavailable):
        await described("redis://127.0.0.1:1/0")
