"""Prefix tests from the spec that is accepted to the evidence its owner reads, once for each spec of an owner's."""

import asyncio
from typing import Any

import asyncpg
import numpy as np
import pytest

from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.prefix_tests import PrefixTestHandlers
from services.backtest.handlers.specs import SpecHandlers
from services.backtest.job_kinds import prefix_tests as work_side
from services.backtest.job_loop import BROKEN, GIVEN_UP
from services.backtest.jobs import Jobs
from services.backtest.store.jobs import Kind, Urgency, enqueue
from services.backtest.tests.fakes import SMA_CROSS, FakeStrategies
from services.backtest.tests.steps import lapse, queued, until, work_off
from services.backtest.tests.workers import Workers
from shared.contracts.errors import Conflict, NotFound
from shared.contracts.ids import new_id
from shared.contracts.messages import AcceptSpec, ReadPrefixTest
from shared.contracts.values import Dataset, PrefixTest
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

RESPELLED = {**SMA_CROSS, "entry_long": "(f>s)  and  (f[1] < s[1])"}


@pytest.fixture
def strategy(strategies: FakeStrategies) -> str:
    """The SMA cross, stored; without the request by which its spec was accepted."""
    identifier = new_id()
    strategies.specs[identifier, 1] = SMA_CROSS
    return identifier


async def reading(handlers: PrefixTestHandlers, strategy_id: str, call: Call, version: int | None = None) -> PrefixTest:
    """What an owner sees of it."""
    value = (await handlers.read(ReadPrefixTest(id=strategy_id, version=version), call)).value
    assert isinstance(value, PrefixTest)
    return value


async def rows(database: Database) -> list[dict[str, Any]]:
    """The tests there are, each with its job."""
    query = """SELECT p.*, j.ended, j.attempts, j.urgency FROM prefix_tests AS p JOIN jobs AS j ON j.subject = p.id
               ORDER BY p.created_at, p.id"""
    async with database.reading() as connection:
        return [dict(row) for row in await connection.fetch(query)]


async def test_an_accepted_spec_is_tested_and_its_owner_reads_what_was_found(
    specs: SpecHandlers,
    prefix_tests: PrefixTestHandlers,
    strategy: str,
    jobs: Jobs,
    clock: FakeClock,
    database: Database,
    ana: Call,
) -> None:
    """It waits, a worker does it, and the evidence says how much was compared; the spec itself is kept no longer."""
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    waiting = await reading(prefix_tests, strategy, ana)
    assert (waiting.strategy_id, waiting.strategy_version, waiting.status) == (strategy, 1, "queued")
    assert (waiting.engine_version, waiting.created_at, waiting.finished_at) == (ENGINE_VERSION, clock.time, None)
    assert [waiting.bars, waiting.cuts, waiting.combinations, waiting.signals, waiting.failure] == [None] * 5
    clock.advance(seconds=1)
    assert await work_off(jobs) == []
    done = await reading(prefix_tests, strategy, ana)
    assert (done.status, done.cuts, done.combinations, done.failure, done.error) == ("held", 48, 4, None, None)
    assert done.bars is not None
    assert done.bars > 1200
    assert (done.spec_hash, done.finished_at) == (waiting.spec_hash, clock.time)
    (row,) = await rows(database)
    assert (row["spec"], row["ended"]) == (None, True)


async def test_an_owners_spec_is_tested_once_however_it_is_spelled(
    specs: SpecHandlers, jobs: Jobs, database: Database, ana: Call, ben: Call
) -> None:
    """At the same time, one after the other, and after it has been done.

    Another owner's is a test of its own: when it was made would tell that somebody has the very same strategy.
    """
    await asyncio.gather(*(specs.accept(AcceptSpec(spec=spec), ana) for spec in (SMA_CROSS, RESPELLED) * 4))
    await work_off(jobs)
    await specs.accept(AcceptSpec(spec=RESPELLED), ana)
    (row,) = await rows(database)
    assert (row["status"], row["attempts"]) == ("held", 1)
    await specs.accept(AcceptSpec(spec={**SMA_CROSS, "exit_long": "close < s"}), ana)
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ben)
    assert [str(row["owner_id"]) for row in await rows(database)].count(ana.user.user_id) == 2
    assert len(await rows(database)) == 3


async def test_a_function_that_looks_ahead_is_a_result(
    specs: SpecHandlers,
    prefix_tests: PrefixTestHandlers,
    strategy: str,
    jobs: Jobs,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The job has succeeded; the answer names the rule, the bar, the cut and both values."""
    # On some bars it is the last price there is.
    monkeypatch.setitem(KERNELS, "sma", lambda x, n: np.where(np.arange(len(x)) % n > 2, x, x[-1]))
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    await work_off(jobs)
    found = await reading(prefix_tests, strategy, ana)
    assert (found.status, found.error) == ("violated", None)
    assert found.failure is not None
    assert found.failure.part in {"entry_long", "exit_long"}
    assert found.failure.params == {"fast": 10, "slow": 20}
    assert found.failure.bar < found.failure.cut
    assert {found.failure.full, found.failure.cut_off} == {True, False}


async def test_what_breaks_is_told_and_tried_again_when_the_spec_is_accepted_again(
    specs: SpecHandlers,
    prefix_tests: PrefixTestHandlers,
    strategy: str,
    jobs: Jobs,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error on our side is no evidence for anything; reading it does not start it anew."""
    with monkeypatch.context() as broken:
        broken.setitem(KERNELS, "sma", lambda x, n: x / {})
        await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
        await work_off(jobs)
    failed = await reading(prefix_tests, strategy, ana)
    assert (failed.status, failed.error, failed.cuts) == ("failed", BROKEN, None)
    assert failed.finished_at is not None
    assert await reading(prefix_tests, strategy, ana) == failed
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    assert (await reading(prefix_tests, strategy, ana)).status == "queued"
    await work_off(jobs)
    assert (await reading(prefix_tests, strategy, ana)).status == "held"


async def test_a_spec_that_is_too_much_work_is_told_what_to_do(
    prefix_tests: PrefixTestHandlers, strategies: FakeStrategies, jobs: Jobs, ana: Call
) -> None:
    """It is not held to be free of looking ahead because nobody has looked."""
    nested = "close"
    for _ in range(50):
        nested = f"stddev({nested}, 5000)"
    identifier = new_id()
    strategies.specs[identifier, 1] = {"entry_long": f"close > {nested}"}
    await reading(prefix_tests, identifier, ana)
    await work_off(jobs)
    failed = await reading(prefix_tests, identifier, ana)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "shorten them" in failed.error


async def test_another_version_of_the_engine_makes_another_test(
    specs: SpecHandlers,
    prefix_tests: PrefixTestHandlers,
    backtests: BacktestHandlers,
    strategy: str,
    dataset: Dataset,
    jobs: Jobs,
    database: Database,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next time that the spec is seen: read, run, or accepted. The older evidence stays as it is."""
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    await work_off(jobs)
    for version, see in (
        (ENGINE_VERSION + 1, lambda: prefix_tests.read(ReadPrefixTest(id=strategy), ana)),
        (ENGINE_VERSION + 2, lambda: queued(backtests, ana, dataset, strategy_id=strategy)),
        (ENGINE_VERSION + 3, lambda: specs.accept(AcceptSpec(spec=SMA_CROSS), ana)),
    ):
        for module in ("due_prefix_test", "handlers.prefix_tests", "job_kinds.prefix_tests", "job_kinds.identities"):
            monkeypatch.setattr(f"services.backtest.{module}.ENGINE_VERSION", version)
        await see()
        assert [row["engine_version"] for row in await rows(database) if row["status"] == "queued"] == [version]
        assert (await reading(prefix_tests, strategy, ana)).status == "queued"
        await work_off(jobs)
        done = await reading(prefix_tests, strategy, ana)
        assert (done.status, done.engine_version) == ("held", version)
    assert [row["status"] for row in await rows(database)] == ["held"] * 4


async def test_a_test_for_an_older_engine_is_not_done_by_a_newer_one(
    specs: SpecHandlers, jobs: Jobs, database: Database, ana: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it found would be told of the wrong numbers."""
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    monkeypatch.setattr(work_side, "ENGINE_VERSION", ENGINE_VERSION + 1)
    await work_off(jobs)
    (row,) = await rows(database)
    assert (row["status"], row["error"]) == ("failed", work_side.OTHER_ENGINE)


async def test_a_run_of_a_spec_that_is_no_strategys_needs_no_test(
    backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """It is no version of anything, and nobody could read what was found."""
    await queued(backtests, ana, dataset)
    assert await rows(database) == []


async def test_each_version_has_its_own_and_another_owners_is_not_found(
    prefix_tests: PrefixTestHandlers, strategies: FakeStrategies, strategy: str, ana: Call
) -> None:
    """The newest one when none is named. Whose a strategy is, the strategy service says."""
    strategies.specs[strategy, 2] = {**SMA_CROSS, "exit_long": "close < s"}
    newest, first = await reading(prefix_tests, strategy, ana), await reading(prefix_tests, strategy, ana, version=1)
    assert (newest.strategy_version, first.strategy_version) == (2, 1)
    assert newest.spec_hash != first.spec_hash
    assert strategies.asked == [ana, ana]
    with pytest.raises(NotFound):
        await reading(prefix_tests, new_id(), ana)


async def test_a_spec_of_an_earlier_language_says_so(
    prefix_tests: PrefixTestHandlers, strategies: FakeStrategies, database: Database, ana: Call
) -> None:
    """It was valid when it was stored; there is nothing to test now."""
    identifier = new_id()
    strategies.specs[identifier, 1] = {"entry_long": "heikin(close) > 1"}
    with pytest.raises(Conflict, match=r"does not read this spec any more: .*unknown function"):
        await reading(prefix_tests, identifier, ana)
    assert await rows(database) == []


async def test_a_test_is_done_after_the_runs_and_before_the_sweeps(
    specs: SpecHandlers,
    backtests: BacktestHandlers,
    dataset: Dataset,
    jobs: Jobs,
    database: Database,
    clock: FakeClock,
    ana: Call,
) -> None:
    """Whoever waits for a run does not wait for it, and it does not wait for what takes minutes."""
    async with database.transaction() as connection:
        await enqueue(
            connection,
            subject=new_id(),
            kind=Kind.REMOVAL,
            owner_id=ana.user.user_id,
            urgency=Urgency.BULK,
            now=clock.now(),
            traceparent="",
        )
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    clock.advance(seconds=1)
    await queued(backtests, ana, dataset)
    kinds = []
    while (taken := await jobs.take()) is not None:
        kinds.append(taken.job.kind)
    assert kinds == [Kind.BACKTEST, Kind.PREFIX_TEST, Kind.REMOVAL]


async def test_a_test_that_workers_die_over_is_given_up(
    specs: SpecHandlers, prefix_tests: PrefixTestHandlers, strategy: str, jobs: Jobs, database: Database, ana: Call
) -> None:
    """After three of them, with a reason."""
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    for _ in range(3):
        taken = await jobs.take()
        assert taken is not None
        await lapse(database, taken.job.subject)
    await work_off(jobs)
    failed = await reading(prefix_tests, strategy, ana)
    assert (failed.status, failed.error) == ("failed", GIVEN_UP)


async def test_a_killed_workers_test_is_done_by_another(
    workers: Workers, specs: SpecHandlers, jobs: Jobs, database: Database, owner_url: str, ana: Call
) -> None:
    """kill -9 in the middle of it costs that attempt."""
    await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)

    async def taken() -> bool:
        (row,) = await rows(database)
        return bool(row["attempts"] == 1)

    # The owner's connection may be idle for as long as a worker takes to start.
    holding = await asyncpg.connect(owner_url)
    async with holding.transaction():
        # However quick it is, it cannot store what it finds.
        await holding.execute("SELECT FROM backtest.prefix_tests FOR UPDATE")
        victim = await workers.start()
        await until(taken, seconds=10)
        victim.kill()
        await victim.wait()
    await holding.close()
    (row,) = await rows(database)
    assert row["status"] == "queued"
    await lapse(database, str(row["id"]))
    await work_off(jobs)
    (row,) = await rows(database)
    assert (row["status"], row["attempts"]) == ("held", 2)


def test_a_client_sees_nothing_of_whose_spec_it_was() -> None:
    """The answer holds what its owner knows, and what was found; no id of the row, no owner."""
    assert set(PrefixTest.__struct_fields__) == {
        "strategy_id", "strategy_version", "spec_hash", "engine_version", "status", "bars", "cuts", "combinations",
        "signals", "failure", "error", "created_at", "finished_at",
    }  # fmt: skip
