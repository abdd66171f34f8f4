"""One read at a time for all who ask, and none of them is given what was read before."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.cache.flights import ROUNDS, Flights

PLACE = "here"


class Source:
    """Says at which number of it a read began; each is on its way until it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.failure: Exception | None = None
        self.waiting: list[asyncio.Event] = []

    async def read(self) -> int:
        """Begin, wait, and tell when it began."""
        self.begun += 1
        number = self.begun
        let = asyncio.Event()
        self.waiting.append(let)
        await let.wait()
        if self.failure is not None:
            raise self.failure
        return number

    async def let(self) -> None:
        """Answer the one that is on its way longest."""
        self.waiting.pop(0).set()
        await turns()


async def turns() -> None:
    """Let all go on who can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def source() -> Source:
    return Source()


async def begin(asking: Coroutine[Any, Any, int]) -> "asyncio.Task[int]":
    """Ask, and wait until what can begin has begun."""
    task = asyncio.create_task(asking)
    await turns()
    return task


async def test_who_asks_at_once_is_answered_at_once(source: Source) -> None:
    """A hundred who ask before the read begins share it."""
    flights = Flights()
    readers = [asyncio.create_task(flights.together(PLACE, source.read)) for _ in range(100)]
    await turns()
    await source.let()
    assert await asyncio.gather(*readers) == [1] * 100
    assert (source.begun, PLACE in flights) == (1, False)


async def test_who_asks_too_late_shares_the_next_read(source: Source) -> None:
    """It begins when the one under way has ended: each is given what was read after he had asked, by one read more."""
    flights = Flights()
    early = await begin(flights.together(PLACE, source.read))
    late = [await begin(flights.together(PLACE, source.read)) for _ in range(50)]
    assert source.begun == 1
    await source.let()
    later = await begin(flights.together(PLACE, source.read))
    await source.let()
    assert [await early, *(await asyncio.gather(*late))] == [1] + [2] * 50
    await source.let()
    assert await later == 3


async def test_places_have_nothing_to_do_with_each_other(source: Source) -> None:
    """Another place is read at once."""
    flights = Flights()
    first = await begin(flights.together(PLACE, source.read))
    other = await begin(flights.together("there", source.read))
    assert source.begun == 2
    await source.let()
    await source.let()
    assert [await first, await other] == [1, 2]


async def test_a_failure_is_of_those_who_share_it(source: Source) -> None:
    """Nobody else's; the next read is made."""
    flights = Flights()
    source.failure = OSError("away")
    sharing = [asyncio.create_task(flights.together(PLACE, source.read)) for _ in range(2)]
    await turns()
    late = await begin(flights.together(PLACE, source.read))
    await source.let()
    source.failure = None
    await source.let()
    for each in sharing:
        with pytest.raises(OSError, match="away"):
            await each
    assert await late == 2


async def test_who_leaves_takes_it_from_nobody(source: Source) -> None:
    """The one whose read it is may go away in the middle, or before it has begun."""
    flights = Flights()
    first = await begin(flights.together(PLACE, source.read))
    second, third = [await begin(flights.together(PLACE, source.read)) for _ in range(2)]
    first.cancel()
    second.cancel()
    await source.let()
    await source.let()
    assert await third == 2
    assert PLACE not in flights


async def test_a_read_that_hangs_holds_up_nobody_for_long(source: Source) -> None:
    """After so many seconds the next one begins, for all who have come meanwhile; who comes then waits for that one."""
    flights = Flights(patience=0.01)
    hanging = await begin(flights.together(PLACE, source.read))
    late = asyncio.create_task(flights.together(PLACE, source.read))
    async with asyncio.timeout(10):
        while source.begun < 2:
            await asyncio.sleep(0.001)
    first = source.waiting[0]
    del source.waiting[0]
    await source.let()
    assert await late == 2
    assert PLACE not in flights
    first.set()
    assert await hanging == 1


async def test_one_looks_again_when_the_read_under_way_has_ended() -> None:
    """For so many rounds, for as long as one has not found it, and not at all when nobody reads."""
    flights, looks = Flights(), 0
    lands: list[Callable[[], None]] = []

    async def look() -> str:
        nonlocal looks
        looks += 1
        return "nothing"

    def wanting(found: str) -> bool:
        return found == "nothing"

    assert await flights.settled(PLACE, "nothing", wanting, look) == "nothing"
    assert looks == 0
    lands.append(flights.take_off(PLACE))
    assert await flights.settled(PLACE, "something", wanting, look) == "something"
    task = asyncio.create_task(flights.settled(PLACE, "nothing", wanting, look))
    for rounds in range(ROUNDS):
        await turns()
        assert (looks, task.done()) == (rounds, False)
        lands.append(flights.take_off(PLACE))
        lands.pop(0)()
    await turns()
    assert (looks, await task) == (ROUNDS, "nothing")
    lands.pop()()
    assert PLACE not in flights
