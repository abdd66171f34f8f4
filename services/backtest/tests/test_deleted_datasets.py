"""Deleting datasets: what goes, what is in the way, what stays, and what an upload at the same moment finds."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from services.backtest.files.dataset_file import dataset_key
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.ingest_pool import IngestPool
from services.backtest.job_queue import JobQueue
from services.backtest.tests.fakes import FakeStrategies
from services.backtest.tests.steps import ingested, queued, read
from services.backtest.tests.test_handlers_datasets import TWO_DAYS, files_under
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.events import DatasetDeleted
from shared.contracts.ids import new_id
from shared.contracts.messages import CreateBacktest, DeleteDataset, ListDatasets, ReadDataset
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Dataset, DatasetPage, Strategy
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


async def delete(datasets: DatasetHandlers, dataset: Dataset, call: Call, *, force: bool = False) -> dict[str, int]:
    """Delete a dataset; returns the versions."""
    answer = await datasets.delete(DeleteDataset(id=dataset.id, force=force), call)
    assert answer.value is None
    return answer.versions


async def listed(datasets: DatasetHandlers, call: Call) -> list[str]:
    """The ids of an account's datasets."""
    page = (await datasets.list_all(ListDatasets(), call)).value
    assert isinstance(page, DatasetPage)
    return [item.id for item in page.items]


async def test_a_deleted_dataset_is_gone_with_its_bars(
    dataset: Dataset, datasets: DatasetHandlers, objects: Objects, database: Database, ana: Call
) -> None:
    """Its row, its place in the list and its file; the versions rise and the event says so; twice is not found."""
    versions = await delete(datasets, dataset, ana)
    assert versions == {dataset_object(dataset.id): 2, datasets_object(ana.user.user_id): 2}
    assert await listed(datasets, ana) == []
    assert files_under(objects, "datasets") == []
    for attempt in (datasets.read(ReadDataset(id=dataset.id), ana), delete(datasets, dataset, ana)):
        with pytest.raises(NotFound):
            await attempt
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM datasets") == 0
        row = await connection.fetchrow("SELECT subject, owner, data FROM outbox WHERE type = $1", DatasetDeleted.TYPE)
    assert row is not None
    event = msgspec.json.decode(row["data"], type=DatasetDeleted)
    assert (row["subject"], row["owner"]) == (dataset_object(dataset.id), ana.user.user_id)
    assert (event.id, event.objects) == (dataset.id, versions)


async def test_only_its_owner_deletes_it(dataset: Dataset, datasets: DatasetHandlers, ana: Call, ben: Call) -> None:
    """For anyone else, force or not, and for an id that is none, there is no such dataset."""
    for identifier, call in ((dataset.id, ben), (new_id(), ana), ("no-id", ana)):
        with pytest.raises(NotFound):
            await datasets.delete(DeleteDataset(id=identifier, force=True), call)
    assert await listed(datasets, ana) == [dataset.id]


async def test_what_refers_to_it_is_in_the_way(
    dataset: Dataset, datasets: DatasetHandlers, backtests: BacktestHandlers, objects: Objects, ana: Call
) -> None:
    """The refusal counts what is in the way and says what force does; nothing has changed."""
    for expected in ("1 backtest refers to", "2 backtests refer to"):
        await queued(backtests, ana, dataset)
        with pytest.raises(Conflict, match=f"{expected} this dataset. With \\?force=true") as caught:
            await delete(datasets, dataset, ana)
    assert "stay readable" in caught.value.detail
    assert await listed(datasets, ana) == [dataset.id]
    assert len(files_under(objects, "datasets")) == 1


async def test_forced_it_goes_and_results_stay(
    dataset: Dataset,
    datasets: DatasetHandlers,
    backtests: BacktestHandlers,
    objects: Objects,
    database: Database,
    ana: Call,
) -> None:
    """Its runs stay readable with the sha256 of what they ran on; it is not found, not listed and not run on again."""
    run = await queued(backtests, ana, dataset)
    await delete(datasets, dataset, ana, force=True)
    kept = await read(backtests, run, ana)
    assert (kept.dataset_id, kept.run_identity.dataset_sha256) == (dataset.id, dataset.sha256)
    assert await listed(datasets, ana) == []
    assert files_under(objects, "datasets") == []
    with pytest.raises(NotFound):
        await datasets.read(ReadDataset(id=dataset.id), ana)
    with pytest.raises(NotFound):
        await delete(datasets, dataset, ana, force=True)
    with pytest.raises(NotFound):
        await queued(backtests, ana, dataset)
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM backtests") == 1


async def test_bars_stay_as_long_as_a_dataset_has_them(
    datasets: DatasetHandlers, objects: Objects, ana: Call, ben: Call
) -> None:
    """Two accounts with the same bars: the file goes with the second of them, and comes back with a third."""
    first, second = [await ingested(datasets, objects, call, TWO_DAYS) for call in (ana, ben)]
    await delete(datasets, first, ana)
    assert len(files_under(objects, "datasets")) == 1
    await delete(datasets, second, ben)
    assert files_under(objects, "datasets") == []
    third = await ingested(datasets, objects, ana, TWO_DAYS)
    assert await objects.exists(dataset_key(third.sha256))


async def test_a_run_asked_for_while_its_dataset_goes_is_told(
    dataset: Dataset, datasets: DatasetHandlers, database: Database, clock: FakeClock, ana: Call
) -> None:
    """The dataset was there when the request was read and is not when the run is stored: 404, no error of ours."""

    class Deleting(FakeStrategies):
        async def read(self, strategy_id: str, version: int | None, call: Call) -> Strategy:
            await delete(datasets, dataset, call)
            return await super().read(strategy_id, version, call)

    strategies = Deleting()
    strategy_id = new_id()
    strategies.specs[strategy_id, 1] = {"entry_long": "close > open", "exit_long": "close < open"}
    with pytest.raises(NotFound, match="upload it again"):
        await BacktestHandlers(database, clock, JobQueue(clock), strategies).create(
            CreateBacktest(dataset_id=dataset.id, strategy_id=strategy_id), ana
        )


class Interrupted(Objects):
    """An object store that has something happen once, right after it was asked whether an object is there."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.then: Callable[[], Awaitable[object]] | None = None

    async def exists(self, key: str) -> bool:
        """Say so, and let it happen."""
        found = await super().exists(key)
        if self.then is not None:
            happens, self.then = self.then, None
            await happens()
        return found


@pytest.fixture
def interrupted(tmp_path: Path) -> Interrupted:
    """Such a store, in the folder of the others."""
    return Interrupted((tmp_path / "objects").as_uri())


async def test_bars_that_go_between_storing_and_the_row_are_stored_again(
    interrupted: Interrupted, database: Database, clock: FakeClock, readers: IngestPool, ana: Call, ben: Call
) -> None:
    """Ana deletes the last dataset of the same bars when Ben's upload has just seen that they are there already."""
    datasets = DatasetHandlers(database, clock, interrupted, readers)
    first = await ingested(datasets, interrupted, ana, TWO_DAYS)
    interrupted.then = lambda: delete(datasets, first, ana)
    second = await ingested(datasets, interrupted, ben, TWO_DAYS)
    assert second.sha256 == first.sha256
    assert await interrupted.exists(dataset_key(second.sha256))


async def test_uploads_and_deletes_at_once_leave_each_dataset_its_bars(
    datasets: DatasetHandlers, objects: Objects, ana: Call, ben: Call
) -> None:
    """Whoever comes first, whatever is left in the end: a file when there is a dataset of it, and none when not."""
    current = await ingested(datasets, objects, ana, TWO_DAYS)
    for _ in range(20):
        made, _ = await asyncio.gather(
            ingested(datasets, objects, ben, TWO_DAYS), delete(datasets, current, ana), return_exceptions=False
        )
        assert await objects.exists(dataset_key(made.sha256))
        ana, ben, current = ben, ana, made
    await delete(datasets, current, ana)
    assert not await objects.exists(dataset_key(current.sha256))


async def test_a_dataset_goes_although_its_file_cannot(
    database: Database, clock: FakeClock, readers: IngestPool, tmp_path: Path, ana: Call
) -> None:
    """When the object store is away, the file is left behind and said to be; the dataset is deleted."""

    class Away(Objects):
        async def delete(self, key: str) -> None:
            if key.startswith("datasets/"):
                raise Unavailable("The object store does not answer")
            await super().delete(key)

    objects = Away((tmp_path / "objects").as_uri())
    datasets = DatasetHandlers(database, clock, objects, readers)
    await delete(datasets, await ingested(datasets, objects, ana, TWO_DAYS), ana)
    assert await listed(datasets, ana) == []
