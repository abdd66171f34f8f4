"""Timings are read from a real bus as they come, whole and in order, by each who reads them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as BusAway

from services.metrics import timing_feed
from services.metrics.history import AT_ONCE, BEGINNING, Place
from services.metrics.timing_feed import SILENT_SECONDS, TimingFeed
from shared.contracts.errors import Unavailable
from shared.contracts.streams import TIMINGS
from shared.runtime.bus.connection import Entry, make_client
from shared.runtime.tests.eventually import ended, eventually

pytestmark = pytest.mark.integration


class Heard:
    """What a feed has handed over."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    async def take(self, entries: list[Entry]) -> None:
        """Take a portion."""
        self.bodies += [entry.fields[b"batch"].decode() for entry in entries]

    def has(self, *bodies: str) -> Callable[[], Awaitable[bool]]:
        """Whether it is these that were heard."""

        async def whether() -> bool:
            return self.bodies == [*bodies]

        return whether


@asynccontextmanager
async def heard(url: str, after: Place = BEGINNING) -> AsyncIterator[Heard]:
    """Read from a place on."""
    reader = Heard()
    async with make_client(url) as client:
        reading = asyncio.create_task(TimingFeed(client).run(after, reader.take))
        try:
            yield reader
        finally:
            await ended(reading)


async def send(client: Redis, *bodies: str) -> None:
    """Append entries."""
    for body in bodies:
        await client.xadd(TIMINGS, {"batch": body})


async def test_each_reader_hears_everything(bus_url: str) -> None:
    """What was there before it began, and what came since; of two that share a group each would hear half."""
    before, after = [str(number) for number in range(AT_ONCE + 3)], ["a", "b", "c"]
    async with make_client(bus_url) as client:
        await send(client, *before)
        async with heard(bus_url) as one, heard(bus_url) as other:
            for each in (one, other):
                await eventually(each.has(*before))
            await send(client, *after)
            for each in (one, other):
                await eventually(each.has(*before, *after))


async def test_it_is_read_from_a_place_on(bus_url: str) -> None:
    """The entry at the place is known already; the next one, of the same millisecond, is not."""
    async with make_client(bus_url) as client:
        for entry_id in ("5-1", "5-2", "5-10", "12-0"):
            await client.xadd(TIMINGS, {"batch": entry_id}, id=entry_id)
        async with heard(bus_url, (5, 2)) as reader:
            await eventually(reader.has("5-10", "12-0"))


async def test_a_stream_that_has_begun_anew_is_read_from_its_beginning(bus_url: str) -> None:
    """The bus has lost it and its clock was set back: the place that was read to is not reached for long."""
    async with make_client(bus_url) as client:
        await client.xadd(TIMINGS, {"batch": "before"}, id="9999999999999-0")
        async with heard(bus_url) as reader:
            await eventually(reader.has("before"))
            await client.delete(TIMINGS)
            await send(client, "after")
            await eventually(reader.has("before", "after"))


class Failing:
    """A bus whose every other answer is lost."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._fails = False

    async def xread(self, streams: dict[str, str], count: int, block: int) -> object:
        """Ask, or fail."""
        self._fails = not self._fails
        if self._fails:
            raise BusAway("the bus is away")
        return await self._client.xread({TIMINGS: streams[TIMINGS]}, count=count, block=block)

    async def xinfo_stream(self, name: str) -> object:
        """Ask."""
        return await self._client.xinfo_stream(name)


async def test_a_bus_that_is_away_is_waited_for(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on where it was: nothing is left out and nothing handed over twice."""
    monkeypatch.setattr(timing_feed, "RETRY_SECONDS", 0)
    bodies = [str(number) for number in range(2 * AT_ONCE + 3)]
    reader = Heard()
    async with make_client(bus_url) as client:
        await send(client, *bodies)
        feed = TimingFeed(Failing(client))  # type: ignore[arg-type]  # the two commands it uses
        reading = asyncio.create_task(feed.run(BEGINNING, reader.take))
        await eventually(reader.has(*bodies))
        await ended(reading)


async def test_it_says_whether_it_hears_anything(bus_url: str) -> None:
    """Not before it has read for the first time, nor when it has read nothing for long; a quiet bus is well."""
    now = 100.0
    async with make_client(bus_url) as client:
        feed = TimingFeed(client, lambda: now)

        async def is_well() -> bool:
            try:
                await feed.check()
            except Unavailable:
                return False
            return True

        assert not await is_well()
        reading = asyncio.create_task(feed.run(BEGINNING, Heard().take))
        await eventually(is_well)
        await ended(reading)
    now += SILENT_SECONDS
    assert await is_well()
    now += 0.1
    with pytest.raises(Unavailable, match=TIMINGS):
        await feed.check()
