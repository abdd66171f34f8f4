"""The service's handlers on a real database and a folder of objects, with collaborators of the tests' own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import FakeStrategies, apple, csv_of
from services.backtest.tests.steps import call_of, ingested
from services.backtest.work.backtests import BacktestWork
from services.backtest.work.removals import RemovalWork
from services.backtest.work.verifications import VerificationWork
from shared.contracts.ids import new_id
from shared.contracts.jobs import Progress
from shared.contracts.values import Dataset, Principal
from shared.runtime.bus.server import Call
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
def objects(tmp_path: Path) -> Objects:
    """An empty object store in a folder."""
    return Objects((tmp_path / "objects").as_uri())


@pytest.fixture
def strategies() -> FakeStrategies:
    """Strategies that need no strategy service."""
    return FakeStrategies()


@pytest.fixture
def datasets(database: Database, clock: FakeClock, objects: Objects) -> DatasetHandlers:
    """The handlers of datasets."""
    return DatasetHandlers(database, clock, objects)


@pytest.fixture
def backtests(database: Database, clock: FakeClock, strategies: FakeStrategies) -> BacktestHandlers:
    """The handlers of backtests."""
    return BacktestHandlers(database, clock, strategies)


@pytest.fixture
def published() -> list[Progress]:
    """What the handlers have told those who wait for a run."""
    return []


@pytest.fixture
def endings(database: Database, clock: FakeClock, published: list[Progress]) -> EndingHandlers:
    """The handlers that cancel, verify and delete runs."""
    return EndingHandlers(database, clock, published.append)


@pytest.fixture
def results(database: Database, objects: Objects) -> ResultHandlers:
    """The handlers of results."""
    return ResultHandlers(database, objects)


@pytest.fixture
def work(objects: Objects, clock: FakeClock) -> BacktestWork:
    """What does single runs."""
    return BacktestWork(objects, clock)


@pytest.fixture
def jobs(database: Database, clock: FakeClock, work: BacktestWork, objects: Objects) -> Jobs:
    """The jobs that wait, as a worker sees them."""
    return Jobs(database, clock, [work, VerificationWork(objects, clock), RemovalWork(objects)])


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
