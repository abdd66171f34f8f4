"""What the backtest service removes because it is too old, and nothing else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.backtest.files.dataset_file import dataset_key
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.job_kinds import Told
from services.backtest.jobs import Jobs
from services.backtest.retention import Retention
from services.backtest.store.jobs import Kind, Urgency, enqueue, has_ended
from services.backtest.tests.steps import queued, upload, work_off
from shared.contracts.clock import SystemClock
from shared.contracts.ids import new_id
from shared.contracts.messages import DeleteBacktest, DeleteDataset
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

_JOB = """
INSERT INTO jobs (subject, kind, owner_id, urgency, created_at, traceparent, ended, ended_at)
VALUES ($1, $2, $3, 0, now() - interval '90 days', '', $4, now() - $5 * interval '1 day')
"""
_SWEEP = """
INSERT INTO sweeps (id, owner_id, dataset_id, spec, run_identity, grid, objective, status, combinations, created_at,
                    error)
VALUES ($1, $2, $3, '{}', '{}', '{}', 'sharpe', $4, 1, now(), 'why')
"""


@pytest.fixture
def retention(database: Database, objects: Objects) -> Retention:
    """The rules, on the clock of the database and of the files."""
    return Retention(database, objects, SystemClock(), jobs_kept_days=7.0, uploads_kept_days=1.0)


async def job(database: Database, owner: str, *, days_ago: float, ended: bool = True, subject: str = "") -> str:
    """Store a job that ended so long ago, or has not ended; returns its subject."""
    subject = subject or new_id()
    async with database.reading() as connection:
        await connection.execute(_JOB, subject, Kind.VERIFICATION, owner, ended, days_ago)
    return subject


async def subjects(database: Database) -> set[str]:
    """Return what there are jobs for."""
    async with database.reading() as connection:
        return {row["subject"] for row in await connection.fetch("SELECT subject FROM jobs")}


async def all_of(rule: object, batch: int = 2) -> int:
    """Apply a rule until there is no more; returns how much went."""
    removed = 0
    while True:
        number: int = await rule(batch)  # type: ignore[operator]  # one of Retention's
        removed += number
        assert number <= batch
        if number < batch:
            return removed


async def test_jobs_go_so_long_after_their_end(retention: Retention, database: Database, ana: Call) -> None:
    """Not by when they were asked for; those that wait or run stay for as long as that takes."""
    owner = ana.user.user_id
    for days in (7.01, 8, 30, 400, 9):
        await job(database, owner, days_ago=days)
    kept = {
        await job(database, owner, days_ago=6.99),
        await job(database, owner, days_ago=0),
        await job(database, owner, days_ago=90, ended=False),
    }
    assert await all_of(retention.jobs) == 5
    assert await subjects(database) == kept
    assert await all_of(retention.jobs) == 0


async def test_a_sweep_under_way_keeps_its_jobs(
    retention: Retention, database: Database, dataset: Dataset, ana: Call
) -> None:
    """It finds its slices' files by them; one that has ended does not need them any more."""
    owner = ana.user.user_id
    by_status = {status: new_id() for status in ("queued", "running", "failed", "cancelled")}
    async with database.reading() as connection:
        for status, sweep in by_status.items():
            await connection.execute(_SWEEP, sweep, owner, dataset.id, status)
            await job(database, owner, days_ago=30, subject=sweep)
    assert await all_of(retention.jobs) == 2
    assert await subjects(database) == {by_status["queued"], by_status["running"]}


async def test_the_end_of_a_job_is_known_for_days(
    retention: Retention, database: Database, jobs: Jobs, clock: FakeClock, objects: Objects
) -> None:
    """A worker whose COMMIT was not answered asks whether it was one, and else would delete the result's files."""
    async with database.transaction() as connection:
        await enqueue(
            connection, subject=new_id(), kind=Kind.REMOVAL, owner_id=new_id(), urgency=Urgency.CARE,
            now=datetime(2020, 1, 1, tzinfo=UTC), traceparent="",
        )  # fmt: skip
    taken = await jobs.take()
    assert taken is not None
    told: Told | None = await jobs.succeed(taken, None)
    assert told == []
    assert await all_of(retention.jobs) == 0
    async with database.reading() as connection:
        assert await has_ended(connection, taken.job)


async def test_a_deleted_dataset_goes_with_what_referred_to_it_last(
    retention: Retention, database: Database, dataset: Dataset, datasets: DatasetHandlers, backtests: BacktestHandlers,
    endings: EndingHandlers, jobs: Jobs, ana: Call,
) -> None:  # fmt: skip
    """Until then its row stays; one that is somebody's stays anyway."""
    run = await queued(backtests, ana, dataset)
    await work_off(jobs)
    assert await all_of(retention.datasets) == 0
    await datasets.delete(DeleteDataset(id=dataset.id, force=True), ana)
    assert await all_of(retention.datasets) == 0
    await endings.delete(DeleteBacktest(id=run.id), ana)
    assert await all_of(retention.datasets) == 1
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM datasets") == 0


async def test_a_dataset_that_nothing_refers_to_is_somebodys(
    retention: Retention, database: Database, dataset: Dataset
) -> None:
    """It stays for as long as its owner wants it."""
    assert await all_of(retention.datasets) == 0
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT id FROM datasets") == dataset.id


def grow_old(objects: Objects, key: str, days: float) -> None:
    """Have been stored so long ago."""
    assert objects.folder is not None
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(Path(objects.folder, key), (then, then))


async def test_uploads_that_nobody_has_read(retention: Retention, objects: Objects) -> None:
    """Those of a day ago, of a gateway or a service that died; one that is perhaps being read stays."""
    old = [await upload(objects, b"x") for _ in range(5)]
    for key in old:
        grow_old(objects, key, 1.01)
    young = await upload(objects, b"x")
    grow_old(objects, young, 0.99)
    await objects.put("replies/x", b"x")
    grow_old(objects, "replies/x", 30)
    assert await all_of(retention.uploads) == 5
    assert not any([await objects.exists(key) for key in old])
    assert await objects.exists(young)
    assert await objects.exists("replies/x")


async def test_bars_of_no_dataset(retention: Retention, objects: Objects, dataset: Dataset, database: Database) -> None:
    """What a death between the row's end and the file's left behind; those of a dataset stay, however old."""
    spare, young = dataset_key("a" * 64), dataset_key("b" * 64)
    for key in (spare, young, "datasets/something-else"):
        await objects.put(key, b"bars")
    for key in (spare, dataset_key(dataset.sha256), "datasets/something-else"):
        grow_old(objects, key, 2)
    assert await retention.bars(500) == 1
    assert not await objects.exists(spare)
    for key in (young, dataset_key(dataset.sha256), "datasets/something-else"):
        assert await objects.exists(key)


async def test_bars_are_looked_for_once_a_day(database: Database, objects: Objects) -> None:
    """It takes a list of all that there are."""
    clock = FakeClock()
    clock.time = SystemClock().now()
    retention = Retention(database, objects, clock, jobs_kept_days=7, uploads_kept_days=1)
    assert await retention.bars(500) == 0
    await objects.put(dataset_key("a" * 64), b"bars")
    grow_old(objects, dataset_key("a" * 64), 2)
    clock.advance(hours=23)
    assert await retention.bars(500) == 0
    clock.advance(hours=2)
    assert await retention.bars(500) == 1
