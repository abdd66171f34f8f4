"""The past is read from a real bus, whole and in order."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as BusAway

from services.metrics import history
from services.metrics.core.aggregate import Aggregate
from services.metrics.core.cache_names import CACHE_HITS
from services.metrics.core.tests.batches import batch, hits
from services.metrics.history import AT_ONCE, BEGINNING, Kept, keep, place_of, read_history, read_kept
from shared.contracts.streams import TIMINGS, TOTALS
from shared.runtime.bus.connection import Entry, make_client

pytestmark = pytest.mark.integration


class Taken:
    """Takes what it is handed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, entries: list[Entry]) -> None:
        """Take a portion."""
        self.bodies += [entry.fields[b"batch"] for entry in entries]


@pytest.mark.parametrize("number", [0, 1, AT_ONCE, 2 * AT_ONCE + 3])
async def test_every_entry_is_handed_over_once(bus_url: str, number: int) -> None:
    """However they divide into portions, oldest first."""
    taken = Taken()
    async with make_client(bus_url) as client:
        for place in range(number):
            await client.xadd(TIMINGS, {"batch": str(place)})
        await read_history(client, BEGINNING, taken)
    assert taken.bodies == [str(place).encode() for place in range(number)]


class FailingBus:
    """A bus whose every other answer is lost."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._fails = False

    async def xrange(self, name: str, after: str, count: int) -> object:
        """Ask, or fail."""
        self._fails = not self._fails
        if self._fails:
            raise BusAway("the bus is away")
        return await self._client.xrange(name, after, count=count)


async def test_a_bus_that_is_away_is_waited_for(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on where it was: nothing is left out and nothing handed over twice."""
    monkeypatch.setattr(history, "RETRY_SECONDS", 0)
    number = 2 * AT_ONCE + 3
    taken = Taken()
    async with make_client(bus_url) as client:
        for place in range(number):
            await client.xadd(TIMINGS, {"batch": str(place)})
        await read_history(FailingBus(client), BEGINNING, taken)  # type: ignore[arg-type]  # the one command it uses
    assert taken.bodies == [str(place).encode() for place in range(number)]


async def test_it_is_read_from_a_place_on(bus_url: str) -> None:
    """The entry at the place counts already; the next one, of the same millisecond, does not."""
    taken = Taken()
    async with make_client(bus_url) as client:
        for entry_id in ("5-1", "5-2", "5-10", "12-0"):
            await client.xadd(TIMINGS, {"batch": entry_id}, id=entry_id)
        await read_history(client, (5, 2), taken)
    assert taken.bodies == [b"5-10", b"12-0"]


async def test_what_was_kept_last_is_read(bus_url: str) -> None:
    """It takes the place of what was kept before, so that the stream has one entry."""
    aggregate = Aggregate()
    async with make_client(bus_url) as client:
        assert await read_kept(client) is None
        for number in (1, 2):
            aggregate.apply(batch(number, counters=[hits(number)]), number)
            await keep(client, Kept((number, 7), aggregate.state()))
        assert await read_kept(client) == Kept((2, 7), aggregate.state())
        assert await client.xlen(TOTALS) == 1


async def test_what_is_kept_is_of_one_moment(bus_url: str) -> None:
    """Batches that come while the bus is written to are behind the place, and not in the totals."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, counters=[hits(1)]), 1)
    async with make_client(bus_url) as client:
        keeping = asyncio.create_task(keep(client, Kept((1, 0), aggregate.state())))
        await asyncio.sleep(0)
        aggregate.apply(batch(2, counters=[hits(5)]), 2)
        await keeping
        kept = await read_kept(client)
    assert kept is not None
    assert Aggregate(kept.state).snapshot().series[CACHE_HITS.name] == {("strategy",): [1]}


@pytest.mark.parametrize(
    "fields", [{"state": "?"}, {"place": "1-1"}, {"place": "one", "state": ""}, {"place": "1-1", "state": "?"}]
)
async def test_what_cannot_be_read_is_as_if_nothing_was_kept(bus_url: str, fields: dict[str, str]) -> None:
    """A service of another release begins with the timings that the bus holds."""
    async with make_client(bus_url) as client:
        await client.xadd(TOTALS, fields)  # type: ignore[arg-type]  # any mapping of texts
        assert await read_kept(client) is None


def test_places_are_compared_as_numbers() -> None:
    """Ids as bytes are not in order."""
    assert sorted([b"10-0", b"9-10", b"9-9"], key=place_of) == [b"9-9", b"9-10", b"10-0"]
