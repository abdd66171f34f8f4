"""Worker processes that die, stand still or lose the database: what they had is done all the same, once, to the bit."""

import asyncio
import signal
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.specs import SpecHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.jobs import Jobs, Taken
from services.backtest.store.jobs import Kind
from services.backtest.tests.fakes import SMA_CROSS
from services.backtest.tests.steps import files_of, lapse, queued, read, until, work_off
from services.backtest.tests.sweep_steps import done_part, queued_sweep
from services.backtest.tests.test_sweep_worker import GRID, SPEC
from services.backtest.tests.test_worker import HALF_A_SECOND, SECONDS, reached, told_of
from services.backtest.tests.workers import Workers
from shared.contracts.messages import AcceptSpec, CancelBacktest, DeleteBacktest, VerifyBacktest
from shared.contracts.values import Backtest, Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.databases import database_of
from tests.seconds import allowed

pytestmark = pytest.mark.integration


async def verified(backtests: BacktestHandlers, endings: EndingHandlers, run: Backtest, call: Call) -> None:
    """Have a run repeated, and wait until it has been found to be the same."""
    await endings.verify(VerifyBacktest(id=run.id), call)

    async def matched() -> bool:
        verification = (await read(backtests, run, call)).verification
        return verification is not None and verification.status == "matched"

    await until(matched, seconds=20)


async def ends_of(database: Database, run: Backtest) -> list[str]:
    """The events of a run after its start."""
    statement = "SELECT type FROM outbox WHERE subject = $1 AND type LIKE 'aurelius.backtest.%' ORDER BY id"
    async with database.reading() as connection:
        rows = await connection.fetch(statement, f"backtest:{run.id}")
    return [row["type"].split(".")[2] for row in rows][2:]


async def test_a_worker_that_stood_still_for_longer_than_its_lease_changes_nothing(
    workers: Workers,
    bus: Redis,
    database: Database,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    objects: Objects,
    long_dataset: Dataset,
    ana: Call,
) -> None:
    """Its run is another's by then: what it makes of it is dropped, with its files, and it works on."""
    sleeper, heir = await workers.start(), await workers.start()
    heir.send_signal(signal.SIGSTOP)
    run = await queued(backtests, ana, long_dataset, spec=HALF_A_SECOND)
    await reached(backtests, run, ana, "running", seconds=5)

    async def has_told() -> bool:
        return await told_of(bus, run) == ["running"]

    await until(has_told, seconds=5)  # it has the job by then, and says so a moment later
    sleeper.send_signal(signal.SIGSTOP)
    heir.send_signal(signal.SIGCONT)
    done = await reached(backtests, run, ana, "succeeded", seconds=20)
    heir.send_signal(signal.SIGSTOP)
    sleeper.send_signal(signal.SIGCONT)
    # Only it is awake: it leaves the one, and does the other.
    await verified(backtests, endings, run, ana)
    assert (await read(backtests, run, ana)).result_digest == done.result_digest
    assert await ends_of(database, run) == ["succeeded", "updated", "updated"]
    async with database.reading() as connection:
        lease = await connection.fetchval("SELECT lease FROM jobs WHERE subject = $1 AND kind = 'backtest'", run.id)
    assert lease == 2
    assert len(files_of(objects)) == 2
    assert (await told_of(bus, run))[:3] == ["running", "running", "succeeded"]
    heir.send_signal(signal.SIGCONT)


async def test_a_database_that_goes_away_under_a_run_costs_it_nothing(
    workers: Workers,
    database: Database,
    database_url: str,
    postgres_url: str,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    objects: Objects,
    long_dataset: Dataset,
    ana: Call,
) -> None:
    """For longer than a lease, with another worker there to take over: it ends once, with the same result."""
    await workers.start()
    await workers.start()
    run = await queued(backtests, ana, long_dataset, spec=SECONDS)
    await reached(backtests, run, ana, "running", seconds=5)
    name = database_url.rpartition("/")[2]
    operator = await asyncpg.connect(database_of(postgres_url, "postgres"))
    try:
        await operator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await operator.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await operator.execute("SELECT pg_sleep(2.6)")  # a lease: there is nothing else to be seen of it
    finally:
        await operator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await operator.close()
    await reached(backtests, run, ana, "succeeded", seconds=30)
    await verified(backtests, endings, run, ana)
    assert await ends_of(database, run) == ["succeeded", "updated", "updated"]
    assert len(files_of(objects)) == 2


async def test_a_cancelled_run_frees_its_worker_in_the_middle(
    workers: Workers,
    database: Database,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    objects: Objects,
    long_dataset: Dataset,
    dataset: Dataset,
    ana: Call,
) -> None:
    """It ends once, leaves no file, and its only worker begins the next one within a second."""
    await workers.start()
    run = await queued(backtests, ana, long_dataset, spec=SECONDS)
    await reached(backtests, run, ana, "running", seconds=5)
    following = await queued(backtests, ana, dataset)
    await endings.cancel(CancelBacktest(id=run.id), ana)

    async def begun() -> bool:
        return (await read(backtests, following, ana)).status != "queued"

    await until(begun, seconds=1)
    await reached(backtests, following, ana, "succeeded", seconds=10)
    assert await ends_of(database, run) in ([], ["cancelled"])
    assert (await read(backtests, run, ana)).status == "cancelled"
    assert len(files_of(objects)) == 2


KINDS = [Kind.VERIFICATION, Kind.PREFIX_TEST, Kind.REMOVAL, Kind.SWEEP_START, Kind.SWEEP_SLICE, Kind.SWEEP_END]


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_a_dead_worker_had_is_taken_again_within_five_seconds(
    kind: Kind,
    workers: Workers,
    jobs: Jobs,
    database: Database,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    sweeps: SweepHandlers,
    specs: SpecHandlers,
    dataset: Dataset,
    long_dataset: Dataset,
    ana: Call,
) -> None:
    """Every kind of job: its lease lapses, and a worker that looks around does it, and what comes after it."""
    if kind in {Kind.VERIFICATION, Kind.REMOVAL}:
        run = await queued(backtests, ana, dataset)
        await work_off(jobs)
        await endings.verify(VerifyBacktest(id=run.id), ana)
        if kind is Kind.REMOVAL:
            await endings.delete(DeleteBacktest(id=run.id), ana)
    elif kind is Kind.PREFIX_TEST:
        await specs.accept(AcceptSpec(spec=SMA_CROSS), ana)
    else:
        await queued_sweep(sweeps, ana, long_dataset, spec=SPEC, grid=GRID)
    dead = await taken_of(jobs, kind)
    statement = "SELECT lease FROM jobs WHERE subject = $1 AND kind = $2 AND part = $3"

    async def taken_again() -> bool:
        async with database.reading() as connection:
            lease = await connection.fetchval(statement, dead.job.subject, kind, dead.job.part)
        return bool(lease != dead.job.lease)  # or it is gone already

    async def all_ended() -> bool:
        async with database.reading() as connection:
            return await connection.fetchval("SELECT count(*) FROM jobs WHERE NOT ended") == 0

    await workers.start()
    await jobs.renew(dead)
    await until(taken_again, seconds=5)
    await until(all_ended, seconds=60)
    async with database.reading() as connection:
        became = [row[0] for row in await connection.fetch(_WHAT_BECAME)]
    assert became == {Kind.VERIFICATION: ["matched"], Kind.PREFIX_TEST: ["held"], Kind.REMOVAL: []}.get(
        kind, ["succeeded"]
    )


_WHAT_BECAME = """
SELECT verification ->> 'status' FROM backtests UNION ALL SELECT status FROM prefix_tests
UNION ALL SELECT status FROM sweeps
"""


async def taken_of(jobs: Jobs, kind: Kind) -> Taken[Any, Any]:
    """The next job of this kind, after all that come before it have been done."""
    while True:
        found = await jobs.take()
        assert found is not None
        if found.job.kind == kind:
            return found
        await jobs.succeed(found, await done_part(jobs, found))


async def test_a_lease_goes_by_the_clock_of_the_database(
    database: Database, jobs: Jobs, clock: Any, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """A worker whose own clock is days off neither loses what it has nor takes what another has."""
    run = await queued(backtests, ana, dataset)
    clock.advance(days=400)
    held = await jobs.take()
    assert held is not None
    clock.advance(days=-800)
    assert await jobs.take() is None
    assert await jobs.renew(held)
    await lapse(database, run.id)
    found = await asyncio.wait_for(jobs.take(), allowed(5))
    assert found is not None
    assert found.job.lease == 2
