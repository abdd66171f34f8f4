"""The service's handlers on a real database and a folder of objects, with collaborators of the tests' own."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.backtest.core.bars import Bars
from services.backtest.core.sweep import run as sweep_run
from services.backtest.exports import Exports
from services.backtest.finished_runs import FinishedRuns
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.bars import BarHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.prefix_tests import PrefixTestHandlers
from services.backtest.handlers.reports import ReportHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.handlers.specs import SpecHandlers
from services.backtest.handlers.sweep_endings import SweepEndingHandlers
from services.backtest.handlers.sweep_results import SweepResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.ingest_pool import IngestPool
from services.backtest.job_kinds import Work
from services.backtest.job_kinds.backtests import BacktestWork
from services.backtest.job_kinds.prefix_tests import PrefixTestWork
from services.backtest.job_kinds.ready_sweep import ReadySweeps
from services.backtest.job_kinds.removals import RemovalWork
from services.backtest.job_kinds.sweep_ends import SweepEndWork
from services.backtest.job_kinds.sweep_slices import SweepSliceWork
from services.backtest.job_kinds.sweep_starts import SweepStartWork
from services.backtest.job_kinds.verifications import VerificationWork
from services.backtest.job_queue import JobQueue
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import FakeStrategies, apple, csv_of
from services.backtest.tests.steps import call_of, ingested
from services.backtest.tests.workers import Workers
from shared.contracts.ids import new_id
from shared.contracts.jobs import Progress
from shared.contracts.values import Dataset, Principal
from shared.runtime.bus.connection import make_client
from shared.runtime.bus.server import Call
from shared.runtime.children import CHILD
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock
from tests.databases import connected, service_url


@pytest.fixture
def database_url(owner_url: str) -> str:
    """A fresh migrated database, for the service's own role."""
    return service_url(owner_url, "backtest")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The service's schema, migrated and empty."""
    async with connected(database_url, "backtest") as database:
        yield database


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> JobQueue:
    """Where handlers put what workers are to do."""
    return JobQueue(clock)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """An empty object store in a folder."""
    return Objects((tmp_path / "objects").as_uri())


@pytest.fixture
def strategies() -> FakeStrategies:
    """Strategies that need no strategy service."""
    return FakeStrategies()


@pytest_asyncio.fixture(scope="session")
async def readers() -> AsyncIterator[IngestPool]:
    """The processes that read uploads, kept from test to test as they are from upload to upload."""
    pool = IngestPool()
    yield pool
    await pool.close()


@pytest.fixture
def specs(database: Database, clock: FakeClock, queue: JobQueue) -> SpecHandlers:
    """The handlers of specs."""
    return SpecHandlers(database, clock, queue)


@pytest.fixture
def prefix_tests(
    database: Database, clock: FakeClock, queue: JobQueue, strategies: FakeStrategies
) -> PrefixTestHandlers:
    """The handlers of prefix tests."""
    return PrefixTestHandlers(database, clock, queue, strategies)


@pytest.fixture
def datasets(database: Database, clock: FakeClock, objects: Objects, readers: IngestPool) -> DatasetHandlers:
    """The handlers of datasets."""
    return DatasetHandlers(database, clock, objects, readers)


@pytest.fixture
def bars(database: Database, objects: Objects) -> BarHandlers:
    """The handlers of a dataset's bars."""
    return BarHandlers(database, objects, Exports(objects))


@pytest.fixture
def backtests(database: Database, clock: FakeClock, queue: JobQueue, strategies: FakeStrategies) -> BacktestHandlers:
    """The handlers of backtests."""
    return BacktestHandlers(database, clock, queue, strategies)


@pytest.fixture
def published() -> list[Progress]:
    """What the handlers have told those who wait for a run."""
    return []


@pytest.fixture
def endings(database: Database, clock: FakeClock, queue: JobQueue, published: list[Progress]) -> EndingHandlers:
    """The handlers that cancel, verify and delete runs."""
    return EndingHandlers(database, clock, queue, published.append)


@pytest.fixture
def runs(database: Database, objects: Objects) -> FinishedRuns:
    """The runs that succeeded."""
    return FinishedRuns(database, objects)


@pytest.fixture
def results(runs: FinishedRuns, objects: Objects) -> ResultHandlers:
    """The handlers of results."""
    return ResultHandlers(runs, Exports(objects))


@pytest.fixture
def reports(runs: FinishedRuns, database: Database, objects: Objects) -> ReportHandlers:
    """The handlers of reports."""
    return ReportHandlers(runs, database, objects)


@pytest.fixture
def sweeps(database: Database, clock: FakeClock, queue: JobQueue, strategies: FakeStrategies) -> SweepHandlers:
    """The handlers of sweeps."""
    return SweepHandlers(database, clock, queue, strategies)


@pytest.fixture
def sweep_endings(database: Database, clock: FakeClock, published: list[Progress]) -> SweepEndingHandlers:
    """The handlers that cancel and delete sweeps."""
    return SweepEndingHandlers(database, clock, published.append)


@pytest.fixture
def sweep_results(database: Database, objects: Objects) -> SweepResultHandlers:
    """The handlers of what sweeps leave."""
    return SweepResultHandlers(database, objects, Exports(objects))


@pytest.fixture
def work(objects: Objects, clock: FakeClock) -> BacktestWork:
    """What does single runs."""
    return BacktestWork(objects, clock)


@pytest.fixture
def jobs(database: Database, clock: FakeClock, work: BacktestWork, objects: Objects) -> Jobs:
    """The jobs that wait, as a worker sees them."""
    sweeps = ReadySweeps(objects)
    of_sweeps = [each(objects, clock, sweeps) for each in (SweepStartWork, SweepSliceWork, SweepEndWork)]
    others: list[Work[Any, Any]] = [VerificationWork(objects, clock), RemovalWork(objects), PrefixTestWork()]
    return Jobs(database, clock, [work, *others, *of_sweeps])


@pytest.fixture
def ana() -> Call:
    """A request of one account."""
    return call_of(Principal(user_id=new_id()))


@pytest.fixture
def ben() -> Call:
    """A request of another account."""
    return call_of(Principal(user_id=new_id()))


@pytest.fixture
async def dataset(datasets: DatasetHandlers, objects: Objects, ana: Call) -> Dataset:
    """Ana's daily bars of AAPL."""
    return await ingested(datasets, objects, ana, csv_of(apple()))


@pytest.fixture
async def bus(bus_url: str) -> AsyncIterator[Redis]:
    """A client of an empty bus."""
    async with make_client(bus_url) as client:
        yield client


@pytest.fixture
async def workers(database_url: str, bus_url: str, bus: Redis, tmp_path: Path) -> AsyncIterator[Workers]:
    """No workers yet; those that are started are ended with the test."""
    environ = {
        **os.environ,
        CHILD: "1",
        "DATABASE_URL": database_url,
        "BUS_URL": bus_url,
        "DATA_DIR": str(tmp_path),
        "OBJECT_STORE_URL": (tmp_path / "objects").as_uri(),
    }
    made = Workers(environ, bus)
    yield made
    for process in made.running:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def long_dataset(datasets: DatasetHandlers, objects: Objects, ana: Call) -> Dataset:
    """Twenty thousand bars a minute apart."""
    close = 100.0 + np.cumsum(np.random.default_rng(0).normal(0.0, 0.01, 20_000))
    time_ = np.arange(len(close), dtype=np.int64) * 60_000_000_000
    return await ingested(datasets, objects, ana, csv_of(Bars(time_, close, close, close, close, np.ones(len(close)))))


@pytest.fixture
def sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of five numbers: the 18 combinations of the grid are four of them."""
    monkeypatch.setattr(sweep_run.Sweep.slices, "__defaults__", (5 * 3270,))
