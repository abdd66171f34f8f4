"""Strategies, on a real database."""

import asyncio
from collections.abc import Sequence

import asyncpg
import msgspec
import pytest
from msgspec import UNSET

from services.strategy.handlers import StrategyHandlers
from services.strategy.tests.conftest import TRACEPARENT, call_of
from services.strategy.tests.fakes import FakeSpecValidator, report_on
from shared.contracts.errors import Invalid, InvalidSpec, NotFound, PreconditionFailed, Unauthenticated, Unavailable
from shared.contracts.events import BY_TYPE, Event, rfc3339
from shared.contracts.ids import new_id
from shared.contracts.messages import CreateStrategy, DeleteStrategy, ListStrategies, PatchStrategy, ReadStrategy
from shared.contracts.objects import strategies_object, strategy_object
from shared.contracts.values import JsonObject, Principal, Strategy, StrategyPage
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from tests.clock import FakeClock
from tests.databases import execute

pytestmark = pytest.mark.integration

SPEC: JsonObject = {
    "let": {"s": "sma(close, slow)", "f": "sma(close, 5)"},
    "entry_long": "f > s\0",
    "a": [1, 1.0, None],
}
OTHER_SPEC: JsonObject = {"entry_long": "close > 2"}


async def _create(strategies: StrategyHandlers, call: Call, name: str = "SMA cross") -> Strategy:
    return _strategy(await strategies.create(CreateStrategy(name=name, description="d", spec=SPEC), call))


async def _read(strategies: StrategyHandlers, call: Call, strategy_id: str, version: int | None = None) -> Answer:
    return await strategies.read(ReadStrategy(id=strategy_id, version=version), call)


def _strategy(answer: Answer) -> Strategy:
    assert isinstance(answer.value, Strategy)
    return answer.value


async def _outbox(database: Database) -> Sequence[asyncpg.Record]:
    async with database.reading() as connection:
        return await connection.fetch("SELECT * FROM outbox ORDER BY id")


async def _events(database: Database) -> list[Event]:
    return [msgspec.json.decode(row["data"], type=BY_TYPE[row["type"]]) for row in await _outbox(database)]


async def test_a_strategy_is_read_back_as_it_was_written(
    strategies: StrategyHandlers, clock: FakeClock, ana: Call
) -> None:
    """Every field, the spec byte for byte with its keys in their order, at the version the write answered."""
    written = await strategies.create(CreateStrategy(name=" SMA cross ", description="", spec=SPEC), ana)
    strategy = _strategy(written)
    owner = ana.user.user_id
    assert (strategy.name, strategy.description, strategy.status, strategy.owner_id) == (
        "SMA cross",
        "",
        "draft",
        owner,
    )
    assert (strategy.version, strategy.revision) == (1, 1)
    assert strategy.created_at == strategy.updated_at == clock.now()
    assert strategy.spec_hash == report_on(SPEC).spec_hash
    assert written.versions == {strategy_object(strategy.id): 1, strategies_object(owner): 1}
    read = await _read(strategies, ana, strategy.id)
    assert msgspec.json.encode(read.value) == msgspec.json.encode(strategy)
    assert msgspec.json.encode(_strategy(read).spec) == msgspec.json.encode(SPEC)
    assert read.versions == {strategy_object(strategy.id): 1}


async def test_a_created_strategy_is_announced(
    strategies: StrategyHandlers, database: Database, clock: FakeClock, ana: Call
) -> None:
    """One event, with its owner, its time, its trace and the objects it raised."""
    strategy = await _create(strategies, ana)
    (row,) = await _outbox(database)
    (event,) = await _events(database)
    objects = {strategy_object(strategy.id): 1, strategies_object(ana.user.user_id): 1}
    assert (row["stream"], row["type"]) == ("aurelius.events.strategy", "aurelius.strategy.created.v1")
    assert (row["subject"], row["owner"]) == (strategy_object(strategy.id), ana.user.user_id)
    assert (row["time"], row["traceparent"]) == (rfc3339(clock.now()), TRACEPARENT)
    assert (event.id, event.owner, event.version, event.objects) == (strategy.id, ana.user.user_id, 1, objects)


async def test_an_invalid_spec_is_refused_with_the_parsers_pointers(
    strategies: StrategyHandlers, database: Database, ana: Call
) -> None:
    """Neither created nor patched in; the errors point into the spec; nothing is left behind."""
    strategy = await _create(strategies, ana)
    for refused in (
        strategies.create(CreateStrategy(name="n", spec={}), ana),
        strategies.patch(PatchStrategy(id=strategy.id, spec={}), ana),
    ):
        with pytest.raises(InvalidSpec) as caught:
            await refused
        assert [error.pointer for error in caught.value.errors] == ["/spec/entry_long"]
    assert len(await _outbox(database)) == 1


async def test_without_the_parser_nothing_is_stored(
    strategies: StrategyHandlers, specs: FakeSpecValidator, database: Database, ana: Call
) -> None:
    """The backtest service away is Unavailable; a patch without a spec does not need it."""
    strategy = await _create(strategies, ana)
    specs.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await strategies.create(CreateStrategy(name="n", spec=SPEC), ana)
    with pytest.raises(Unavailable):
        await strategies.patch(PatchStrategy(id=strategy.id, spec=OTHER_SPEC), ana)
    assert len(await _outbox(database)) == 1
    await strategies.patch(PatchStrategy(id=strategy.id, name="needs no parser"), ana)


@pytest.mark.parametrize(("name", "description"), [("  ", ""), ("a\0b", ""), ("a", "b\0")])
async def test_text_that_cannot_be_kept_is_the_callers_error(
    strategies: StrategyHandlers, ana: Call, name: str, description: str
) -> None:
    """Created or patched in: 422, never a failed statement."""
    with pytest.raises(Invalid):
        await strategies.create(CreateStrategy(name=name, description=description, spec=SPEC), ana)
    strategy = await _create(strategies, ana)
    with pytest.raises(Invalid):
        await strategies.patch(PatchStrategy(id=strategy.id, name=name, description=description), ana)


async def test_what_is_another_owners_is_not_found(strategies: StrategyHandlers, ana: Call, ben: Call) -> None:
    """Reading, changing, deleting: the same answer as for what does not exist; lists show one's own."""
    strategy = await _create(strategies, ana)
    for request in (
        _read(strategies, ben, strategy.id),
        _read(strategies, ben, strategy.id, 1),
        strategies.patch(PatchStrategy(id=strategy.id, name="mine now"), ben),
        strategies.patch(PatchStrategy(id=strategy.id, spec=OTHER_SPEC), ben),
        strategies.patch(PatchStrategy(id=strategy.id, spec={}), ben),
        strategies.delete(DeleteStrategy(id=strategy.id), ben),
    ):
        with pytest.raises(NotFound) as refused:
            await request
        assert refused.value.versions == {}  # it is there, and nothing may be kept that says it is not
    listed = await strategies.list_all(ListStrategies(), ben)
    assert listed == Answer(StrategyPage(items=[], next_cursor=None), {strategies_object(ben.user.user_id): 0})
    assert _strategy(await _read(strategies, ana, strategy.id)) == strategy


@pytest.mark.parametrize("malformed", ["", "1", "\0", "ABCDEF01-2345-7000-8000-000000000000", new_id()])
async def test_an_id_that_names_nothing_is_not_found(strategies: StrategyHandlers, ana: Call, malformed: str) -> None:
    """Malformed or merely unknown: not found, whatever is asked of it."""
    for request in (
        _read(strategies, ana, malformed),
        strategies.patch(PatchStrategy(id=malformed, spec=SPEC), ana),
        strategies.patch(PatchStrategy(id=malformed, name="n"), ana),
        strategies.delete(DeleteStrategy(id=malformed), ana),
    ):
        with pytest.raises(NotFound):
            await request


async def test_nobody_has_no_strategies(strategies: StrategyHandlers) -> None:
    """Without a principal there is no answer; without an account none can be stored."""
    with pytest.raises(Unauthenticated):
        await strategies.list_all(ListStrategies(), call_of(None))
    with pytest.raises(Unauthenticated):
        await _create(strategies, call_of(Principal(user_id=new_id())))


async def test_a_changed_spec_makes_a_version_and_the_old_one_stays_readable(
    strategies: StrategyHandlers, clock: FakeClock, ana: Call
) -> None:
    """Each version is read with its own spec and hash, under today's name; a version never made is not found."""
    first = await _create(strategies, ana)
    clock.advance(hours=1)
    changed = await strategies.patch(PatchStrategy(id=first.id, name="New", spec=OTHER_SPEC), ana)
    second = _strategy(changed)
    assert (second.version, second.revision, second.name, second.spec) == (2, 2, "New", OTHER_SPEC)
    assert (second.created_at, second.updated_at) == (first.created_at, clock.now())
    assert changed.versions == {strategy_object(first.id): 2, strategies_object(ana.user.user_id): 2}
    assert _strategy(await _read(strategies, ana, first.id)) == second
    assert _strategy(await _read(strategies, ana, first.id, 2)) == second
    old = await _read(strategies, ana, first.id, 1)
    assert _strategy(old) == msgspec.structs.replace(second, spec=first.spec, spec_hash=first.spec_hash, version=1)
    assert old.versions == {strategy_object(first.id): 2}
    for version in (0, -1, 3, 2**31, 2**63 - 1, 2**80):
        with pytest.raises(NotFound, match=f"version {version}"):
            await _read(strategies, ana, first.id, version)


async def test_a_change_is_announced_with_what_changed(
    strategies: StrategyHandlers, database: Database, ana: Call
) -> None:
    """Subscribers learn which fields to look at, and the object version to wait for."""
    strategy = await _create(strategies, ana)
    await strategies.patch(PatchStrategy(id=strategy.id, name="New"), ana)
    await strategies.patch(PatchStrategy(id=strategy.id, spec=OTHER_SPEC, description=""), ana)
    await strategies.delete(DeleteStrategy(id=strategy.id), ana)
    _, renamed, rewritten, deleted = await _events(database)
    assert renamed.changed == ["name"]
    assert rewritten.changed == ["description", "spec_hash", "version", "spec"]
    assert [event.version for event in (renamed, rewritten, deleted)] == [2, 3, 4]
    assert deleted.TYPE == "aurelius.strategy.deleted.v1"


async def test_a_patch_that_changes_nothing_is_silent(
    strategies: StrategyHandlers, database: Database, clock: FakeClock, ana: Call
) -> None:
    """The same revision, the same time, no event; the answer still says which version it shows."""
    strategy = await _create(strategies, ana)
    clock.advance(hours=1)
    same = PatchStrategy(id=strategy.id, name="SMA cross", description="d", spec=SPEC)
    for patch in (same, PatchStrategy(id=strategy.id)):
        answer = await strategies.patch(patch, ana)
        assert _strategy(answer) == strategy
        assert answer.versions == {strategy_object(strategy.id): 1}
    assert len(await _outbox(database)) == 1


async def test_a_stale_change_is_refused(strategies: StrategyHandlers, database: Database, ana: Call) -> None:
    """A condition that does not name the current revision stops patch and delete; one that does lets through."""
    strategy = await _create(strategies, ana)
    for stale in ((), (2,), (2, 3)):
        with pytest.raises(PreconditionFailed):
            await strategies.patch(PatchStrategy(id=strategy.id, name="n", if_revision=stale), ana)
        with pytest.raises(PreconditionFailed):
            await strategies.delete(DeleteStrategy(id=strategy.id, if_revision=stale), ana)
    assert len(await _outbox(database)) == 1
    await strategies.patch(PatchStrategy(id=strategy.id, name="n", if_revision=(9, 1)), ana)
    await strategies.delete(DeleteStrategy(id=strategy.id, if_revision=(2,)), ana)


async def test_a_deleted_strategy_is_gone_with_its_versions_but_its_object_is_not(
    strategies: StrategyHandlers, database: Database, ana: Call
) -> None:
    """Reads say not found; the object's version goes on, so that no cache takes the past for the present."""
    strategy = await _create(strategies, ana)
    answer = await strategies.delete(DeleteStrategy(id=strategy.id), ana)
    assert answer == Answer(None, {strategy_object(strategy.id): 2, strategies_object(ana.user.user_id): 2})
    for version in (None, 1):
        with pytest.raises(NotFound) as gone:
            await _read(strategies, ana, strategy.id, version)
        assert gone.value.versions == {strategy_object(strategy.id): 2}
    with pytest.raises(NotFound):
        await strategies.delete(DeleteStrategy(id=strategy.id), ana)
    listed = await strategies.list_all(ListStrategies(), ana)
    assert listed == Answer(StrategyPage(items=[], next_cursor=None), {strategies_object(ana.user.user_id): 2})
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM strategy_versions") == 0


async def test_concurrent_patches_lose_nothing_and_are_told_in_commit_order(
    strategies: StrategyHandlers, database: Database, ana: Call
) -> None:
    """Every patch of several at once counts; versions and outbox rise together, each event once."""
    one, other = await _create(strategies, ana, "one"), await _create(strategies, ana, "other")
    rounds = 12
    patches = [
        PatchStrategy(
            id=strategy.id,
            name=f"{strategy.name} {number}" if number % 2 else UNSET,
            spec=UNSET if number % 2 else {"entry_long": f"close > {number}"},
        )
        for number in range(rounds)
        for strategy in (one, other)
    ]
    answers = await asyncio.gather(*(strategies.patch(patch, ana) for patch in patches))
    for before in (one, other):
        after = _strategy(await _read(strategies, ana, before.id))
        assert (after.revision, after.version) == (1 + rounds, 1 + rounds // 2)
        assert after.name != before.name
        assert after.spec != before.spec
        told = [event.version for event in await _events(database) if event.id == before.id]
        assert told == list(range(1, 2 + rounds))
        answered = [
            answer.versions[strategy_object(before.id)] for answer in answers if _strategy(answer).id == before.id
        ]
        assert sorted(answered) == list(range(2, 2 + rounds))
        for version in range(1, after.version + 1):
            await _read(strategies, ana, before.id, version)
    lists = [event.objects[strategies_object(ana.user.user_id)] for event in await _events(database)]
    assert lists == list(range(1, 3 + 2 * rounds))


async def test_of_two_conditional_patches_one_wins(strategies: StrategyHandlers, ana: Call) -> None:
    """The condition is checked under the row's lock: the second finds the first one's revision."""
    strategy = await _create(strategies, ana)
    outcomes = await asyncio.gather(
        *(
            strategies.patch(PatchStrategy(id=strategy.id, name=name, if_revision=(1,)), ana)
            for name in ("a", "b", "c", "d")
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(Answer) == 1
    assert [type(outcome) for outcome in outcomes].count(PreconditionFailed) == 3


async def test_an_aborted_write_leaves_neither_row_nor_event(
    strategies: StrategyHandlers, database: Database, owner_url: str, ana: Call
) -> None:
    """Row, version and event stand or fall together: here the event, written last, cannot be."""
    strategy = await _create(strategies, ana)
    await execute(owner_url, "ALTER TABLE strategy.outbox ADD CONSTRAINT full_up CHECK (id <= 1)")
    for write in (
        _create(strategies, ana, "another"),
        strategies.patch(PatchStrategy(id=strategy.id, spec=OTHER_SPEC), ana),
        strategies.delete(DeleteStrategy(id=strategy.id), ana),
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await write
    page = await strategies.list_all(ListStrategies(), ana)
    assert page == Answer(StrategyPage(items=[strategy], next_cursor=None), {strategies_object(ana.user.user_id): 1})
    assert (await _read(strategies, ana, strategy.id)).versions == {strategy_object(strategy.id): 1}
    with pytest.raises(NotFound):
        await _read(strategies, ana, strategy.id, 2)
    assert len(await _outbox(database)) == 1
