"""Dead letters over the bus: listed and replayed by the service that has them."""

import asyncio
import time

import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.bus_messages import DeadLetter, DeadLetterPage, ListDeadLetters, ReplayDeadLetter
from shared.contracts.clock import SystemClock
from shared.contracts.errors import (
    Conflict,
    Forbidden,
    GivenUp,
    Invalid,
    Malformed,
    NotFound,
    ServiceError,
    TooOld,
    Unavailable,
)
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.consumer import Refused
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.once import Once
from shared.runtime.repeats import REQUEST_SECONDS
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import entries
from shared.runtime.tests.echo import DEAD, Say, answering, asking, echo
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.test_reclaimer import left_by

pytestmark = pytest.mark.integration

ADMIN = Principal(user_id="1", role="admin")
EVENTS = "aurelius.events.strategy"


async def listed(caller: Caller, service: str = "echo", **asked: str | int | None) -> list[DeadLetter]:
    """Return the letters a service lists."""
    message = ListDeadLetters(**asked)  # type: ignore[arg-type]  # a page's parameters
    reply = await caller.ask(message, ADMIN, service=service)
    return msgspec.json.decode(reply.body, type=DeadLetterPage).items


async def replay(caller: Caller, letter_id: str, service: str = "echo") -> bytes:
    """Return what a replay answers."""
    return (await caller.ask(ReplayDeadLetter(id=letter_id), ADMIN, service=service)).body


async def poisoned(redis: Redis, *texts: str) -> list[str]:
    """Leave requests that each ended a process alone; returns their ids."""
    return await left_by(redis, "killed.after.before", *texts, deliveries=2)


async def test_a_request_is_replayed_under_its_own_id(bus_url: str, redis: Redis) -> None:
    """By the service itself, now, and answers nobody; then the letter is gone. Replayed at once by many it is done
    once.
    """
    calls: list[tuple[str, str]] = []

    async def handler(message: Say, call: Call) -> Answer:
        calls.append((call.id, message.text))
        assert call.seconds_left > 1
        return Answer(message.text)

    (request_id,) = await poisoned(redis, "one")
    async with answering(bus_url, handler), asking(bus_url) as caller:
        await eventually(lambda: some_dead(redis, 1))
        (letter,) = await listed(caller)
        assert (letter.about["id"], letter.about["method"]) == (request_id, Say.METHOD)
        assert calls == []
        answers = await asyncio.gather(*(replay(caller, letter.id) for _ in range(5)), return_exceptions=True)
        assert sum(answer == b'{"id":"%s","outcome":"ok","detail":""}' % letter.id.encode() for answer in answers) == 1
        assert sum(isinstance(answer, Conflict | NotFound) for answer in answers) == 4
        assert calls == [(request_id, "one")]
        assert await listed(caller) == []


async def test_a_write_too_old_to_be_known_stays(bus_url: str, redis: Redis, database: Database) -> None:
    """It is refused rather than done a second time, and its letter is still there for who looks what came of it."""

    async def handler(_: Say, __: Call) -> Answer:
        raise AssertionError("nobody may do it")

    await left_by(redis, "killed.after.before", "one", deliveries=2, made=time.time() - 2 * REQUEST_SECONDS)
    async with answering(bus_url, Once(database, SystemClock())(handler)), asking(bus_url) as caller:
        await eventually(lambda: some_dead(redis, 1))
        (letter,) = await listed(caller)
        with pytest.raises(TooOld, match="more than 1 h"):
            await replay(caller, letter.id)
        assert await some_dead(redis, 1)


async def some_dead(redis: Redis, number: int) -> bool:
    """Say whether there are so many letters."""
    return len(await entries(redis, DEAD)) == number


@pytest.mark.parametrize(
    ("failure", "outcome", "stays"),
    [
        (Conflict("there is one"), b'"outcome":"conflict","detail":"there is one"', False),
        (Invalid("not so"), b'"outcome":"validation","detail":"not so"', False),
        (Unavailable("not now"), Unavailable, True),
        (GivenUp("the service asked for it gave up"), GivenUp, True),
        (Conflict("others first", retry_after=1), Conflict, True),
        (TooOld("an hour ago"), TooOld, True),
        (ZeroDivisionError(), Conflict, True),
    ],
)
async def test_what_a_replay_meets_is_told(
    bus_url: str, redis: Redis, failure: Exception, outcome: bytes | type[ServiceError], stays: bool
) -> None:
    """An error that its caller would have been told is an outcome; where it could not be done, the letter stays."""

    async def handler(_: Say, __: Call) -> Answer:
        raise failure

    await poisoned(redis, "one")
    async with answering(bus_url, handler), asking(bus_url) as caller:
        await eventually(lambda: some_dead(redis, 1))
        (letter,) = await listed(caller)
        if isinstance(outcome, bytes):
            assert outcome in await replay(caller, letter.id)
        else:
            for _ in range(2):
                with pytest.raises(outcome):
                    await replay(caller, letter.id)
        assert await some_dead(redis, int(stays))


async def test_an_event_is_given_to_the_group_that_failed(bus_url: str, redis: Redis) -> None:
    """Through its own handler, as it was; no other group is given it again, and the stream is as before."""
    given: list[bytes] = []
    works = False

    async def handler(batch: list[Entry]) -> list[Refused]:
        if not works:
            raise ZeroDivisionError
        given.extend(entry.id for entry in batch)
        return [Refused(entry, "no event") for entry in batch if entry.fields == {b"n": b"2"}]

    service = Service("invalidator", Settings(bus_url=bus_url))
    service.consume(EVENTS, handler)
    service.requests()
    async with service.running(), asking(bus_url) as caller:
        for number in (1, 2):
            await redis.xadd(EVENTS, {"n": number}, id=f"{number}-0")

        async def both_dead() -> bool:
            return len(await listed(caller, "invalidator")) == 2

        await eventually(both_dead)
        second, first = await listed(caller, "invalidator", stream=EVENTS)
        with pytest.raises(Conflict, match="failed again"):
            await replay(caller, first.id, "invalidator")
        works = True
        assert b'"outcome":"ok"' in await replay(caller, first.id, "invalidator")
        with pytest.raises(Conflict, match="still cannot be read"):
            await replay(caller, second.id, "invalidator")
        assert given == [b"1-0", b"2-0"]
        assert await redis.xlen(EVENTS) == 2
        assert [letter.id for letter in await listed(caller, "invalidator")] == [second.id]


async def test_a_list_is_of_all_the_services_streams(bus_url: str, redis: Redis) -> None:
    """Newest first, or of one stream, page by page; one it does not have is empty."""
    await poisoned(redis, *"abcde")
    async with answering(bus_url, echo), asking(bus_url) as caller:
        await eventually(lambda: some_dead(redis, 5))
        letters = await listed(caller)
        assert [letter.put_aside_at for letter in letters] == sorted(
            (letter.put_aside_at for letter in letters), reverse=True
        )
        assert await listed(caller, limit=2) == letters[:2]
        assert await listed(caller, limit=2, before=letters[1].id) == letters[2:4]
        assert await listed(caller, stream="aurelius.rpc.echo") == letters
        assert await listed(caller, stream=EVENTS) == []
        with pytest.raises(Malformed):
            await listed(caller, before="nonsense")


@pytest.mark.parametrize("letter_id", ["nonsense", "rpc.strategy:1-0", "rpc.echo:1-0", f"rpc.echo:{2**64}-0"])
async def test_a_letter_that_is_not_there_is_not_found(bus_url: str, letter_id: str) -> None:
    """Nor one of another service's."""
    async with answering(bus_url, echo), asking(bus_url) as caller:
        with pytest.raises(NotFound):
            await replay(caller, letter_id)


@pytest.mark.parametrize("message", [ListDeadLetters(), ReplayDeadLetter(id="rpc.echo:1-0")])
async def test_only_an_administrator_is_answered(bus_url: str, message: ListDeadLetters | ReplayDeadLetter) -> None:
    """Whatever the gateway let through."""
    async with answering(bus_url, echo), asking(bus_url) as caller:
        with pytest.raises(Forbidden):
            await caller.ask(message, Principal(user_id="1"), service="echo")
