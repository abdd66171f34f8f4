"""Writes that take effect once, on a real database."""

import asyncio
import logging
import uuid

import msgspec
import pytest

from shared.contracts.clock import SystemClock
from shared.contracts.errors import Invalid, KeyReused, NotFound, StillInProgress, TooOld, Unavailable
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.once import Once, OnceOnly, recorded
from shared.runtime.tests.making import BEN, Make, Maker, call_of, made, shown
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

MESSAGE = Make(name="one")


@pytest.fixture
def maker(database: Database) -> Maker:
    """What makes things."""
    return Maker(database)


@pytest.fixture
def make(database: Database, maker: Maker) -> OnceOnly[Make]:
    """The same, once each."""
    return Once(database, SystemClock())(maker.make)


async def rows(database: Database) -> int:
    """How many answers are recorded."""
    async with database.reading() as connection:
        count = await connection.fetchval("SELECT count(*) FROM request_answer")
    assert isinstance(count, int)
    return count


async def lapse(database: Database) -> None:
    """Let the time be up of all requests that hold a key."""
    async with database.reading() as connection:
        await connection.execute("UPDATE request_answer SET held_until = now() - interval '1 ms'")


def later(**step: float) -> FakeClock:
    """A clock that is ahead, by a step named as in timedelta."""
    clock = FakeClock()
    clock.time = SystemClock().now()
    clock.advance(**step)
    return clock


async def forget(database: Database, key: str) -> None:
    """Remove an answer, as if it were old."""
    async with database.reading() as connection:
        await connection.execute("DELETE FROM request_answer WHERE key = $1", key)


class Gate:
    """Lets pass who waits at it when it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self) -> None:
        """Wait at it."""
        self.reached.set()
        await self.opened.wait()


async def test_an_answer_as_before_writes_no_line_of_its_own(
    make: OnceOnly[Make], caplog: pytest.LogCaptureFixture
) -> None:
    """The one about the request says so: a client may repeat one as often as it likes."""
    call = call_of()
    with caplog.at_level(logging.DEBUG, "shared"):
        for _ in range(3):
            await make(MESSAGE, call)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("shared")] == []


async def test_a_request_delivered_again_is_answered_as_before(make: OnceOnly[Make], database: Database) -> None:
    """One thing is made, and its repeats show it, however many; each new request makes another."""
    call = call_of()
    first = await make(MESSAGE, call)
    for _ in range(3):
        again = await make(MESSAGE, call)
        assert shown(again) == shown(first)
        assert not again.replayed
    assert await made(database) == [shown(first)[0]["id"]]
    await make(MESSAGE, call_of())
    assert len(await made(database)) == 2


async def test_of_twenty_that_carry_out_one_request_at_once_one_does(make: OnceOnly[Make], database: Database) -> None:
    """Each waits for the one that is first, undoes its own, and answers the same."""
    call = call_of()
    answers = await asyncio.gather(*(make(MESSAGE, call) for _ in range(20)))
    assert {str(shown(answer)) for answer in answers} == {str(shown(answers[0]))}
    assert await made(database) == [shown(answers[0])[0]["id"]]


@pytest.mark.parametrize("where", ["before", "inside"])
async def test_a_process_that_only_stood_still_undoes_what_it_did(
    make: OnceOnly[Make], maker: Maker, database: Database, where: str
) -> None:
    """Before its transaction or in it: when another has carried the request out, it answers what that one did."""
    gate, call = Gate(), call_of()
    setattr(maker, where, gate)
    paused = asyncio.create_task(make(MESSAGE, call))
    await gate.reached.wait()
    setattr(maker, where, Maker(database).before)
    second = await make(MESSAGE, call)
    gate.opened.set()
    assert shown(await paused) == shown(second)
    assert await made(database) == [shown(second)[0]["id"]]


async def test_a_failed_request_leaves_nothing_and_may_be_done_yet(
    make: OnceOnly[Make], maker: Maker, database: Database
) -> None:
    """With and without a key: what wrote nothing is not remembered."""

    async def fail() -> None:
        raise Invalid("no")

    for call in (call_of(), call_of(key="k")):
        maker.inside = fail
        with pytest.raises(Invalid):
            await make(MESSAGE, call)
        assert await rows(database) == 0
        maker.inside = Maker(database).inside
        assert (await make(MESSAGE, call)).replayed is False
        async with database.reading() as connection:
            await connection.execute("DELETE FROM request_answer")


async def test_what_the_first_did_is_not_in_its_repeats_way(database: Database) -> None:
    """A deletion that is delivered again finds nothing to delete; it is answered as done all the same."""
    gone = False

    async def delete(_: Make, call: Call) -> Answer:
        nonlocal gone
        if gone:
            raise NotFound("There is no such thing")
        async with database.transaction() as connection:
            answer = await recorded(connection, call, Answer(None, {"a": 1}))
        gone = True
        return answer

    once, call = Once(database, SystemClock())(delete), call_of()
    assert shown(await once(MESSAGE, call)) == shown(await once(MESSAGE, call)) == (None, {"a": 1})
    with pytest.raises(NotFound):
        await once(MESSAGE, call_of())


async def test_a_request_older_than_what_is_remembered_is_refused(
    make: OnceOnly[Make], maker: Maker, database: Database
) -> None:
    """Within an hour it is known, with a key within a day; later nobody could tell whether it was carried out."""
    clock = later(minutes=59)
    late = Once(database, clock)(maker.make)
    call, keyed = call_of(), call_of(key="k")
    first, other = await make(MESSAGE, call), await make(MESSAGE, keyed)
    assert shown(await late(MESSAGE, call)) == shown(first)
    clock.advance(minutes=2)
    assert shown(await late(MESSAGE, call)) == shown(first)  # it is there yet
    await forget(database, call.id)
    with pytest.raises(TooOld, match="more than 1 h ago"):
        await late(MESSAGE, call)
    clock.advance(hours=22, minutes=54)
    assert shown(await late(MESSAGE, keyed)) == shown(other)
    clock.advance(hours=1)
    with pytest.raises(TooOld, match="more than 24 h ago"):
        await late(MESSAGE, keyed)
    assert len(await made(database)) == 2


async def test_an_old_request_is_looked_for_before_anything_is_done(
    make: OnceOnly[Make], maker: Maker, database: Database
) -> None:
    """So a repeat does not fail on what was there the first time and is away now."""

    async def away() -> None:
        raise Unavailable("The backtest service does not answer")

    call = call_of()
    first = await make(MESSAGE, call)
    maker.before = away
    late = Once(database, later(seconds=2))(maker.make)
    assert shown(await late(MESSAGE, call)) == shown(first)


async def test_ids_of_another_kind_are_as_good(make: OnceOnly[Make], database: Database) -> None:
    """A caller in another language may number its requests as it likes."""
    for request_id in (str(uuid.uuid4()), "17"):
        call = msgspec.structs.replace(call_of(), id=request_id)
        assert shown(await make(MESSAGE, call)) == shown(await make(MESSAGE, call))
    assert len(await made(database)) == 2


async def test_a_key_is_answered_as_the_first_time(make: OnceOnly[Make], database: Database) -> None:
    """To whoever repeats it, marked as a replay; to the request itself, delivered again, not marked."""
    call = call_of(key="k")
    first = await make(MESSAGE, call)
    replay, again = await make(MESSAGE, call_of(key="k")), await make(MESSAGE, call)
    assert (first.replayed, replay.replayed, again.replayed) == (False, True, False)
    assert shown(first) == shown(replay) == shown(again)
    assert await made(database) == [shown(first)[0]["id"]]


async def test_a_key_is_one_requests(make: OnceOnly[Make], database: Database) -> None:
    """With another body it is refused, and nothing is made; another owner's is another key."""
    await make(MESSAGE, call_of(key="k"))
    with pytest.raises(KeyReused, match="send a new key"):
        await make(Make(name="two"), call_of(key="k"))
    assert len(await made(database)) == 1
    assert not (await make(Make(name="two"), call_of(BEN, key="k"))).replayed
    assert len(await made(database)) == 2


async def test_while_a_key_is_in_flight_others_are_asked_to_wait(
    make: OnceOnly[Make], maker: Maker, database: Database
) -> None:
    """The same request at once, and nothing is begun for it; another one is refused at once."""
    maker.before = gate = Gate()
    first = asyncio.create_task(make(MESSAGE, call_of(key="k")))
    await gate.reached.wait()
    with pytest.raises(StillInProgress):
        await make(MESSAGE, call_of(key="k"))
    with pytest.raises(KeyReused):
        await make(Make(name="two"), call_of(key="k"))
    gate.opened.set()
    await first
    assert len(await made(database)) == 1


@pytest.mark.parametrize("where", ["before", "inside"])
async def test_a_key_whose_time_is_up_is_taken_over_and_its_first_request_does_nothing(
    make: OnceOnly[Make], maker: Maker, database: Database, where: str
) -> None:
    """When the first comes to itself again it undoes what it did, and answers what was done in its place."""
    gate = Gate()
    setattr(maker, where, gate)
    first = asyncio.create_task(make(MESSAGE, call_of(key="k")))
    await gate.reached.wait()
    await lapse(database)
    setattr(maker, where, Maker(database).before)
    second = await make(MESSAGE, call_of(key="k"))
    assert not second.replayed
    gate.opened.set()
    assert shown(await first) == shown(second)
    assert await made(database) == [shown(second)[0]["id"]]


async def test_a_request_with_a_key_that_is_delivered_again_goes_on(
    make: OnceOnly[Make], maker: Maker, database: Database
) -> None:
    """Its own hold on the key is not in its way, whether the process that had it first is dead or only stands still."""
    maker.before = gate = Gate()
    call = call_of(key="k")
    first = asyncio.create_task(make(MESSAGE, call))
    await gate.reached.wait()
    maker.before = Maker(database).before
    second = await make(MESSAGE, call)
    gate.opened.set()
    assert shown(await first) == shown(second)
    assert await made(database) == [shown(second)[0]["id"]]


async def test_a_repeats_failure_does_not_unmake_what_was_done(
    make: OnceOnly[Make], maker: Maker, database: Database
) -> None:
    """Of two that carry out a request with a key one fails when the other has done it: both answer the same."""
    maker.before = gate = Gate()
    call = call_of(key="k")

    async def fail() -> None:
        await gate()
        raise NotFound("the strategy is gone")

    maker.before = fail
    failing = asyncio.create_task(make(MESSAGE, call))
    await gate.reached.wait()
    maker.before = Maker(database).before
    second = await make(MESSAGE, call)
    gate.opened.set()
    assert shown(await failing) == shown(second)
    assert (await make(MESSAGE, call_of(key="k"))).replayed


async def test_what_is_old_is_removed_in_parts(database: Database) -> None:
    """By its index, so many at a time, and nothing else; a key that was forgotten is free."""
    once = Once(database, SystemClock())
    make = once(Maker(database).make)
    await make(MESSAGE, call_of(key="k"))
    async with database.reading() as connection:
        await connection.execute("UPDATE request_answer SET expires_at = now()")
        await connection.execute(
            "INSERT INTO request_answer (key, request_id, body, expires_at)"
            " SELECT n, n, '', now() - n * interval '1 s' FROM generate_series(1, $1) AS n",
            5,
        )
    await make(MESSAGE, kept := call_of())
    assert [await once.forget(5) for _ in range(3)] == [5, 1, 0]
    assert await rows(database) == 1
    assert shown(await make(MESSAGE, kept))
    assert not (await make(MESSAGE, call_of(key="k"))).replayed
    assert len(await made(database)) == 3


async def test_an_expired_key_is_free_before_it_is_removed(make: OnceOnly[Make], database: Database) -> None:
    """Nothing waits for the removal."""
    await make(MESSAGE, call_of(key="k"))
    async with database.reading() as connection:
        await connection.execute("UPDATE request_answer SET expires_at = now()")
    assert not (await make(Make(name="two"), call_of(key="k"))).replayed
