"""What cannot be done, put aside."""

import asyncio
import contextlib
import time
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from shared.contracts.bus_messages import Delivery
from shared.contracts.dead_letter_ids import LetterId
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.runtime.bus import dead_letters
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.dead_letters import DeadLetters, Verdict
from shared.runtime.tests.bus_state import entries, pending
from shared.runtime.tests.eventually import eventually

pytestmark = pytest.mark.integration

STREAM, DEAD, GROUP = "aurelius.rpc.strategy", "aurelius.dead.rpc.strategy", "strategy"
WHY = Verdict(
    reason="failed", error="no", deliveries=2, traceback="0" * 16,
    history=[Delivery(consumer="one", at=None, error="first"), Delivery(consumer="two", at=None, error="second")],
)  # fmt: skip


class Counted:
    """What was told of letters."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, stream: str, reason: str) -> None:
        """Note one."""
        self.seen.append((stream, reason))


@pytest.fixture
def counted() -> Counted:
    """Nothing yet."""
    return Counted()


@pytest.fixture
def letters(bus: Redis, counted: Counted) -> DeadLetters:
    """The dead letters of a stream with one reader."""
    return DeadLetters(bus, STREAM, GROUP, delete=True, count=counted)


async def given(redis: Redis, **fields: str | bytes) -> Entry:
    """Have an entry delivered."""
    with contextlib.suppress(Exception):
        await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    entry_id = await redis.xadd(STREAM, dict(fields))  # type: ignore[arg-type]  # the stubs ask for a wider dict
    await redis.xreadgroup(GROUP, "one", {STREAM: ">"})
    return Entry(
        cast("bytes", entry_id),
        {name.encode(): v if isinstance(v, bytes) else v.encode() for name, v in fields.items()},
    )


async def newest(letters: DeadLetters, before: LetterId | None = None, limit: int = 10) -> list[str]:
    """Return the entries' ids of a page."""
    return [letter.entry_id for _, letter in await letters.newest(before, limit)]


async def test_an_entry_is_moved_with_its_history(letters: DeadLetters, redis: Redis, counted: Counted) -> None:
    """It is in one place, whole; what is shown of it leaves out what it carries."""
    entry = await given(redis, method="strategy.create", id="r1", body=b"\xff{secret}")
    assert await letters.put(entry, WHY)
    assert await redis.xlen(STREAM) == 0
    assert await pending(redis, STREAM, GROUP) == 0
    (kept,) = await entries(redis, DEAD)
    assert kept.fields[b"field:body"] == b"\xff{secret}"
    ((place, letter),) = await letters.newest(None, 10)
    assert letter.id == f"rpc.strategy:{kept.id.decode()}" == str(place)
    assert (letter.stream, letter.group, letter.entry_id) == (STREAM, GROUP, entry.id.decode())
    assert (letter.reason, letter.error, letter.deliveries, letter.traceback) == ("failed", "no", 2, "0" * 16)
    assert letter.history == list(WHY.history)
    assert letter.about == {"method": "strategy.create", "id": "r1"}
    assert abs(letter.put_aside_at.timestamp() - time.time()) < 60
    assert counted.seen == [(STREAM, "failed")]


async def test_of_many_who_move_an_entry_one_does(
    letters: DeadLetters, redis: Redis, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that each take the other for dead leave one letter, though each has seen it pending; so does one that
    comes late.
    """
    entry = await given(redis, id="r1")
    ask, asked, go_on = dead_letters._is_pending, 0, asyncio.Event()

    async def together(*about: Any) -> bool:
        nonlocal asked
        answer = await ask(*about)
        asked += 1
        if asked == 5:
            go_on.set()
        await go_on.wait()
        return answer

    monkeypatch.setattr(dead_letters, "_is_pending", together)
    moved = await asyncio.gather(*(letters.put(entry, WHY) for _ in range(5)))
    assert moved.count(True) == 1
    assert not await letters.put(entry, WHY)
    assert await redis.xlen(DEAD) == 1
    assert len(counted.seen) == 1


async def test_nothing_is_moved_from_a_bus_that_was_emptied(letters: DeadLetters, redis: Redis) -> None:
    """What was in hand then is in no group."""
    entry = await given(redis, id="r1")
    await redis.flushall()
    assert not await letters.put(entry, WHY)


async def test_letters_are_bounded_in_number_and_age(
    letters: DeadLetters, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest are kept, for a month: with the next one, or when somebody looks for what is too old."""
    monkeypatch.setattr(dead_letters, "KEPT", 3)
    moved = [await given(redis, id=str(number)) for number in range(5)]
    for entry in moved:
        await letters.put(entry, WHY)
    assert await newest(letters) == [entry.id.decode() for entry in reversed(moved[2:])]
    monkeypatch.setattr(dead_letters, "KEPT_SECONDS", -1)
    await letters.trim()
    assert await newest(letters) == []


async def test_pages_go_from_new_to_old(letters: DeadLetters, redis: Redis) -> None:
    """Each begins after the last one; what comes meanwhile is on none of the later ones."""
    moved = []
    for number in range(7):
        moved.append((await given(redis, id=str(number))).id.decode())
        await letters.put(Entry(moved[-1].encode(), {}), WHY)
    seen: list[str] = []
    before = None
    while page := await letters.newest(before, 3):
        seen += [letter.entry_id for _, letter in page]
        before = page[-1][0]
        await letters.put(await given(redis, id="new"), WHY)
    assert seen == moved[::-1]


async def a_letter(letters: DeadLetters, redis: Redis) -> LetterId:
    """Put one aside."""
    await letters.put(await given(redis, id="r1", body=b"\x00\xff"), WHY)
    ((place, _),) = await letters.newest(None, 1)
    return place


async def test_a_replay_is_of_the_entry_as_it_was(letters: DeadLetters, redis: Redis) -> None:
    """Its id and its fields; then the letter is gone, and a second replay finds nothing."""
    letter = await a_letter(letters, redis)
    seen: list[Entry] = []

    async def run(entry: Entry) -> tuple[str, str]:
        seen.append(entry)
        return "conflict", "there is one already"

    replayed = await letters.replay(letter, run)
    assert (replayed.id, replayed.outcome, replayed.detail) == (str(letter), "conflict", "there is one already")
    assert [entry.fields for entry in seen] == [{b"id": b"r1", b"body": b"\x00\xff"}]
    assert await redis.xlen(DEAD) == 0
    assert await pending(redis, DEAD, dead_letters.REPLAYS) == 0
    with pytest.raises(NotFound):
        await letters.replay(letter, run)


async def test_of_many_who_replay_a_letter_one_does(letters: DeadLetters, redis: Redis) -> None:
    """The others are told that it is being replayed."""
    letter = await a_letter(letters, redis)
    go_on, ran = asyncio.Event(), 0

    async def run(_: Entry) -> tuple[str, str]:
        nonlocal ran
        ran += 1
        await go_on.wait()
        return "ok", ""

    asked = [asyncio.create_task(letters.replay(letter, run)) for _ in range(8)]

    async def others_are_told() -> bool:
        return sum(task.done() for task in asked) == 7

    await eventually(others_are_told)
    go_on.set()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7
    assert ran == 1


async def test_a_replay_that_fails_keeps_the_letter(letters: DeadLetters, redis: Redis) -> None:
    """It can be tried again at once."""
    letter = await a_letter(letters, redis)

    async def fails(_: Entry) -> tuple[str, str]:
        raise Unavailable("not now")

    for _ in range(2):
        with pytest.raises(Unavailable):
            await letters.replay(letter, fails)
    assert await redis.xlen(DEAD) == 1


async def test_a_replay_whose_process_died_can_be_tried_again(
    letters: DeadLetters, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is sure that it does not go on, and not before."""
    letter = await a_letter(letters, redis)
    await redis.xgroup_create(DEAD, dead_letters.REPLAYS, id="$")
    await redis.xclaim(DEAD, dead_letters.REPLAYS, "killed", 0, [letter.entry], force=True, justid=True)

    async def run(_: Entry) -> tuple[str, str]:
        return "ok", ""

    with pytest.raises(Conflict, match="being replayed"):
        await letters.replay(letter, run)
    monkeypatch.setattr(dead_letters, "REPLAY_SECONDS", 0.0)
    assert (await letters.replay(letter, run)).outcome == "ok"


async def test_what_was_not_kept_whole_is_not_replayed(letters: DeadLetters, redis: Redis) -> None:
    """An entry that could not be read, or whose secrets were left out."""
    await letters.put(await given(redis, id="r1"), WHY, fields={}, replayable=False)
    ((letter, shown),) = await letters.newest(None, 1)
    assert not shown.replayable

    async def run(_: Entry) -> tuple[str, str]:
        raise AssertionError("it is not to be run")

    with pytest.raises(Conflict, match="cannot be replayed"):
        await letters.replay(letter, run)
