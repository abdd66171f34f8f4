"""What becomes of runs: cancelled, verified, deleted, and answered from a result that is there already."""

import asyncio
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import apple, csv_of
from services.backtest.tests.steps import files_of, ingested, queued, read, work_off
from shared.contracts.errors import Conflict, NotFound, PreconditionFailed
from shared.contracts.ids import new_id
from shared.contracts.jobs import Progress
from shared.contracts.messages import CancelBacktest, DeleteBacktest, ReadEquity, VerifyBacktest
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import Backtest, Dataset, Execution
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


async def done(jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, call: Call, **fields: Any) -> Backtest:
    """A run that has been done."""
    run = await queued(backtests, call, dataset, **fields)
    await work_off(jobs)
    return await read(backtests, run, call)


async def events_of(database: Database, run: Backtest) -> list[str]:
    """The types of a run's events, in order."""
    statement = "SELECT type FROM outbox WHERE subject = $1 AND stream = 'aurelius.events.backtest' ORDER BY id"
    async with database.reading() as connection:
        rows = await connection.fetch(statement, backtest_object(run.id))
    return [row["type"].split(".")[2] for row in rows]


async def test_a_waiting_run_is_cancelled_for_good(
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    dataset: Dataset,
    database: Database,
    clock: FakeClock,
    published: list[Progress],
    ana: Call,
) -> None:
    """No worker takes it, those who wait for it are told, and cancelling once more changes nothing."""
    run = await queued(backtests, ana, dataset)
    answer = await endings.cancel(CancelBacktest(id=run.id), ana)
    assert isinstance(answer.value, Backtest)
    assert (answer.value.status, answer.value.finished_at, answer.value.revision) == ("cancelled", clock.time, 2)
    assert answer.versions == {backtest_object(run.id): 2, backtests_object(run.owner_id): 2}
    assert await jobs.take() is None
    again = await endings.cancel(CancelBacktest(id=run.id), ana)
    assert (again.value, again.versions) == (answer.value, {backtest_object(run.id): 2})
    assert await events_of(database, run) == ["queued", "cancelled"]
    assert [(entry.id, entry.status) for entry in published] == [(run.id, "cancelled")]


async def test_a_running_run_is_cancelled_under_its_worker(
    jobs: Jobs, backtests: BacktestHandlers, endings: EndingHandlers, dataset: Dataset, ana: Call
) -> None:
    """What the worker makes of it afterwards is not stored."""
    run = await queued(backtests, ana, dataset)
    taken = await jobs.take()
    assert taken is not None
    await endings.cancel(CancelBacktest(id=run.id), ana)
    assert not await jobs.renew(taken)
    assert await jobs.fail(taken, "late") is None
    assert (await read(backtests, run, ana)).status == "cancelled"


async def test_a_run_ends_once_whoever_is_first(
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    dataset: Dataset,
    objects: Objects,
    database: Database,
    ana: Call,
) -> None:
    """Cancelled by its owner and ended by its worker at one moment: one of the two, and neither waits for the other."""
    for fast in range(2, 12):
        run = await queued(backtests, ana, dataset, params={"fast": fast})
        taken = await jobs.take()
        assert taken is not None
        result = await taken.work.compute(taken.job, taken.task, threading.Event())
        ended, cancelled = await asyncio.gather(
            jobs.succeed(taken, result), endings.cancel(CancelBacktest(id=run.id), ana), return_exceptions=True
        )
        status = (await read(backtests, run, ana)).status
        if status == "succeeded":
            assert isinstance(cancelled, Conflict)
        else:
            assert (status, isinstance(cancelled, Answer)) == ("cancelled", True)
        assert not isinstance(ended, BaseException)
        if ended is None:
            await taken.work.discard(result)
        assert await events_of(database, run) == ["queued", "started", status]
        await endings.delete(DeleteBacktest(id=run.id), ana)
    await work_off(jobs)
    assert files_of(objects) == []


async def test_what_has_ended_is_not_cancelled(
    jobs: Jobs, backtests: BacktestHandlers, endings: EndingHandlers, dataset: Dataset, ana: Call
) -> None:
    """The answer says how it ended."""
    run = await done(jobs, backtests, dataset, ana)
    with pytest.raises(Conflict, match="has succeeded already"):
        await endings.cancel(CancelBacktest(id=run.id), ana)


async def test_a_repeated_request_is_answered_from_the_result(
    jobs: Jobs,
    backtests: BacktestHandlers,
    results: ResultHandlers,
    datasets: DatasetHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    ben: Call,
) -> None:
    """The same identity, however it is spelled: a run of its own with the earlier one's result, at once. Another
    account's is computed: nobody learns what others have run.
    """
    first = await done(jobs, backtests, dataset, ana, execution=Execution(fee_bps=10))
    again = await queued(backtests, ana, dataset, params={"fast": 10}, execution=Execution(fee_bps=10.0, side=None))
    assert again.id != first.id
    assert (again.status, again.reused, first.reused) == ("succeeded", True, False)
    assert (again.metrics, again.result_digest, again.warmup_bars) == (
        first.metrics,
        first.result_digest,
        first.warmup_bars,
    )
    assert await jobs.take() is None
    assert await events_of(database, again) == ["succeeded"]
    curves = [(await results.read_equity(ReadEquity(id=run.id), ana)).value for run in (first, again)]
    assert curves[0] == curves[1]
    assert (await queued(backtests, ana, dataset, execution=Execution(fee_bps=11))).status == "queued"
    same_bars = await ingested(datasets, objects, ben, csv_of(apple()))
    assert same_bars.sha256 == dataset.sha256
    assert (await queued(backtests, ben, same_bars, execution=Execution(fee_bps=10))).status == "queued"


async def test_the_same_bars_in_another_zone_are_cut_at_another_bar(
    jobs: Jobs,
    backtests: BacktestHandlers,
    datasets: DatasetHandlers,
    objects: Objects,
    dataset: Dataset,
    ana: Call,
) -> None:
    """A day begins when it does in the dataset's zone: with a date a result is no other zone's, without one it is."""
    west = await ingested(datasets, objects, ana, csv_of(apple()), timezone="America/New_York")
    assert west.sha256 == dataset.sha256
    here, there = [await done(jobs, backtests, each, ana, start=date(2001, 1, 3)) for each in (dataset, west)]
    assert (here.run_identity.timezone, there.run_identity.timezone) == ("UTC", "America/New_York")
    assert not there.reused
    assert there.result_digest != here.result_digest
    whole, again = [await done(jobs, backtests, each, ana) for each in (dataset, west)]
    assert (whole.reused, again.reused) == (False, True)


async def test_a_shared_result_goes_with_the_last_run_that_has_it(
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    results: ResultHandlers,
    objects: Objects,
    dataset: Dataset,
    ana: Call,
) -> None:
    """Deleting the run it was computed for takes nothing from the one that took it over."""
    first = await done(jobs, backtests, dataset, ana)
    again = await queued(backtests, ana, dataset)
    await endings.delete(DeleteBacktest(id=first.id), ana)
    await work_off(jobs)
    assert (await results.read_equity(ReadEquity(id=again.id), ana)).value
    await endings.delete(DeleteBacktest(id=again.id), ana)
    await work_off(jobs)
    assert files_of(objects) == []
    assert (await queued(backtests, ana, dataset)).status == "queued"


async def test_a_deleted_run_is_gone(
    backtests: BacktestHandlers, endings: EndingHandlers, jobs: Jobs, dataset: Dataset, database: Database, ana: Call
) -> None:
    """With its jobs, for everybody, and with one event; a revision that is not the newest is refused."""
    run = await queued(backtests, ana, dataset)
    with pytest.raises(PreconditionFailed, match="revision 1"):
        await endings.delete(DeleteBacktest(id=run.id, if_revision=(7,)), ana)
    answer = await endings.delete(DeleteBacktest(id=run.id, if_revision=(1, 7)), ana)
    assert answer.versions == {backtest_object(run.id): 2, backtests_object(run.owner_id): 2}
    assert await work_off(jobs) == []
    with pytest.raises(NotFound) as gone:
        await read(backtests, run, ana)
    assert gone.value.versions == {backtest_object(run.id): 2}
    assert await events_of(database, run) == ["queued", "deleted"]


async def test_a_verified_run_has_the_same_digest(
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    dataset: Dataset,
    database: Database,
    clock: FakeClock,
    ana: Call,
) -> None:
    """It is computed again, and the resource says that not a bit differs."""
    run = await done(jobs, backtests, dataset, ana)
    asked = (await endings.verify(VerifyBacktest(id=run.id), ana)).value
    assert isinstance(asked, Backtest)
    assert asked.verification is not None
    assert asked.verification.status == "queued"
    twice = (await endings.verify(VerifyBacktest(id=run.id), ana)).value
    assert twice == asked
    told = await work_off(jobs)
    found = (await read(backtests, run, ana)).verification
    assert found is not None
    assert (found.status, found.result_digest, found.finished_at) == ("matched", run.result_digest, clock.time)
    assert [(entry.id, entry.status) for entry in told] == [(run.id, "succeeded")]
    assert (await events_of(database, run))[3:] == ["updated", "updated"]


async def test_a_tampered_result_is_found_out(
    jobs: Jobs, backtests: BacktestHandlers, endings: EndingHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """A digest that the engine does not give again is said to differ, with the one it gives."""
    run = await done(jobs, backtests, dataset, ana)
    async with database.reading() as connection:
        await connection.execute("UPDATE backtests SET result_digest = repeat('0', 64) WHERE id = $1", run.id)
    await endings.verify(VerifyBacktest(id=run.id), ana)
    await work_off(jobs)
    found = (await read(backtests, run, ana)).verification
    assert found is not None
    assert (found.status, found.result_digest) == ("differs", run.result_digest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("status = 'failed', error = 'why', final_value = NULL", "is failed"),
        ("run_identity = (run_identity::jsonb || '{\"engine_version\": 999}')::json", "version 999 of the engine"),
    ],
)
async def test_what_cannot_be_compared_is_not_verified(
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    dataset: Dataset,
    database: Database,
    ana: Call,
    change: str,
    words: str,
) -> None:
    """A run without a result, and one of an engine whose numbers may differ: each with a sentence."""
    run = await done(jobs, backtests, dataset, ana)
    async with database.reading() as connection:
        await connection.execute(f"UPDATE backtests SET {change} WHERE id = $1", run.id)
    with pytest.raises(Conflict, match=words):
        await endings.verify(VerifyBacktest(id=run.id), ana)


async def test_another_accounts_run_is_not_found(
    backtests: BacktestHandlers, endings: EndingHandlers, dataset: Dataset, ana: Call, ben: Call
) -> None:
    """Nor is an id that is none."""
    run = await queued(backtests, ana, dataset)
    uses: list[Callable[[str], Any]] = [
        lambda run_id: endings.cancel(CancelBacktest(id=run_id), ben),
        lambda run_id: endings.verify(VerifyBacktest(id=run_id), ben),
        lambda run_id: endings.delete(DeleteBacktest(id=run_id), ben),
    ]
    for use in uses:
        for run_id in (run.id, new_id(), "no id"):
            with pytest.raises(NotFound):
                await use(run_id)
    answer: Answer = await endings.cancel(CancelBacktest(id=run.id), ana)
    assert isinstance(answer.value, Backtest)
    assert answer.value.status == "cancelled"
