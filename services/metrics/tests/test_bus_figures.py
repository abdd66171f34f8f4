"""What the bus says of its streams, asked of a real one."""

import pytest

from services.metrics.bus_figures import MAX_OTHERS, read_bus
from services.metrics.core.server_names import GROUP_LAG, GROUP_OLDEST_PENDING, GROUP_PENDING, STREAM_LENGTH
from shared.contracts.streams import JOBS_BACKTEST, STREAMS, TIMINGS, event_stream
from shared.runtime.bus.connection import make_client

pytestmark = pytest.mark.integration


async def test_lengths_debts_and_lags_are_told_apart(bus_url: str) -> None:
    """What is kept, what a group was given and owes, and what it was not given yet."""
    events = event_stream("strategy")
    async with make_client(bus_url) as client:
        for sequence in range(1, 6):
            await client.xadd(events, {"n": "1"}, id=f"{sequence}-0")
        await client.xgroup_create(events, "invalidator", id="0")
        await client.xreadgroup("invalidator", "one", {events: ">"}, count=2)
        await client.xack(events, "invalidator", "1-0")
        await client.xadd(TIMINGS, {"batch": "{}"})
        await client.xgroup_create(TIMINGS, "archive", id="0")
        figures = (await read_bus(client)).series
    assert figures[STREAM_LENGTH.name][events,] == [5]
    assert figures[GROUP_PENDING.name] == {(events, "invalidator"): [1], (TIMINGS, "archive"): [0]}
    assert figures[GROUP_LAG.name] == {(events, "invalidator"): [3], (TIMINGS, "archive"): [1]}


async def test_a_group_that_a_former_release_read_through_is_not_behind(bus_url: str) -> None:
    """The metrics service reads timings without a group now: the one it had would be further behind for ever."""
    async with make_client(bus_url) as client:
        await client.xadd(TIMINGS, {"batch": "{}"})
        await client.xgroup_create(TIMINGS, "metrics", id="0")
        figures = (await read_bus(client)).series
    assert figures[GROUP_LAG.name] == figures[GROUP_PENDING.name] == {}


async def test_groups_of_others_may_have_any_name_and_number(bus_url: str) -> None:
    """A name that is no text, one of great length, hundreds of them: the figures of ours are there, and have an end."""
    events = event_stream("strategy")
    async with make_client(bus_url) as client:
        for number in range(MAX_OTHERS + 50):
            await client.xgroup_create(events, f"a{number}", id="0", mkstream=True)
        for name in (b"\xff\xfe", "x" * 500, "invalidator"):
            await client.xgroup_create(events, name, id="0")
        pending = (await read_bus(client)).series[GROUP_PENDING.name]
    groups = {group for _, group in pending}
    assert "invalidator" in groups
    assert len(groups) == MAX_OTHERS + 1
    assert max(map(len, groups)) < 100


async def test_a_stream_that_may_not_be_looked_at_has_no_length(bus_url: str) -> None:
    """Rather than none: what is refused is not known to be empty."""
    async with make_client(bus_url) as client:
        await client.set(JOBS_BACKTEST, "no stream")
        figures = (await read_bus(client)).series
    assert (JOBS_BACKTEST,) not in figures[STREAM_LENGTH.name]
    assert (TIMINGS,) in figures[STREAM_LENGTH.name]


async def test_an_empty_bus_has_streams_of_no_length(bus_url: str) -> None:
    """A stream nobody wrote to yet is no error; those with changing names are not asked for."""
    async with make_client(bus_url) as client:
        figures = (await read_bus(client)).series
    assert figures[STREAM_LENGTH.name][JOBS_BACKTEST,] == [0]
    assert set(figures[STREAM_LENGTH.name]) == {(stream.name,) for stream in STREAMS if "<" not in stream.name}
    assert figures[GROUP_PENDING.name] == figures[GROUP_LAG.name] == {}


async def test_the_oldest_entry_that_is_owed_has_an_age(bus_url: str) -> None:
    """By the server's clock, whoever asks; a group that owes nothing has none to speak of."""
    async with make_client(bus_url) as client:
        seconds, _ = await client.time()
        for age in (100, 50):
            await client.xadd(TIMINGS, {"batch": "{}"}, id=f"{(seconds - age) * 1000}-0")
        for group in ("archive", "other"):
            await client.xgroup_create(TIMINGS, group, id="0")
        await client.xreadgroup("archive", "one", {TIMINGS: ">"})
        both = (await read_bus(client)).series[GROUP_OLDEST_PENDING.name]
        await client.xack(TIMINGS, "archive", f"{(seconds - 100) * 1000}-0")
        one = (await read_bus(client)).series[GROUP_OLDEST_PENDING.name]
    assert both[TIMINGS, "other"] == [0]
    assert 100 <= both[TIMINGS, "archive"][0] < 150
    assert 50 <= one[TIMINGS, "archive"][0] < 100


async def test_the_bus_tells_of_itself(bus_url: str) -> None:
    """Its answer to INFO comes with the rest."""
    async with make_client(bus_url) as client:
        assert isinstance((await read_bus(client)).info["used_memory"], int)
