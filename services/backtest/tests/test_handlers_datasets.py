"""Datasets through their handlers: what is stored, what is answered, and who may see it."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from services.backtest.files.dataset_file import dataset_key, read_bars
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.tests.fakes import apple
from services.backtest.tests.steps import call_of, ingested, upload
from shared.contracts.errors import Invalid, Malformed, NotFound, Unauthenticated, Unavailable
from shared.contracts.events import DatasetCreated
from shared.contracts.ids import new_id
from shared.contracts.messages import DeleteDataset, IngestDataset, ListDatasets, ReadDataset
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Dataset, DatasetPage
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

TWO_DAYS = b"Date,Open,High,Low,Close,Volume\n2024-01-01,1,2,1,1,5\n2024-01-02,1,2,1,1,0\n"


async def test_ingested_bars_come_back_bit_for_bit(dataset: Dataset, objects: Objects) -> None:
    """What was uploaded is what is stored, under the hash of its content, and the upload is gone."""
    async with objects.as_file(dataset_key(dataset.sha256)) as path:
        stored = read_bars(path, dataset.sha256)
        for name in ("time", "open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(stored, name), getattr(apple(), name)), name
    assert (dataset.name, dataset.symbol, dataset.interval, dataset.timezone) == ("aapl", "AAPL", "1d", "UTC")
    assert (dataset.rows, dataset.start.isoformat(), dataset.end.isoformat()) == (
        3270,
        "2000-03-01T00:00:00+00:00",
        "2013-03-01T00:00:00+00:00",
    )
    assert not files_under(objects, "uploads")


async def test_the_answer_names_the_versions_and_the_event_says_the_same(
    datasets: DatasetHandlers, objects: Objects, database: Database, ana: Call
) -> None:
    """A dataset raises itself and its owner's list, and leaves one event that says so."""
    message = IngestDataset(upload_key=await upload(objects, TWO_DAYS), filename="x.csv", name="Two", symbol="TWO")
    answer = await datasets.ingest(message, ana)
    assert isinstance(answer.value, Dataset)
    owner = ana.user.user_id
    assert answer.versions == {dataset_object(answer.value.id): 1, datasets_object(owner): 1}
    async with database.reading() as connection:
        (row,) = await connection.fetch("SELECT stream, type, subject, owner, traceparent, data FROM outbox")
    event = msgspec.json.decode(row["data"], type=DatasetCreated)
    assert (row["stream"], row["type"], row["owner"]) == ("aurelius.events.backtest", DatasetCreated.TYPE, owner)
    assert row["subject"] == dataset_object(answer.value.id)
    assert row["traceparent"] == ana.traceparent
    assert (event.id, event.objects) == (answer.value.id, answer.versions)


async def test_equal_bars_are_stored_once_for_all(
    datasets: DatasetHandlers, objects: Objects, ana: Call, ben: Call
) -> None:
    """Two accounts with the same bars have a dataset each, and one file between them."""
    first = await ingested(datasets, objects, ana, TWO_DAYS)
    second = await ingested(datasets, objects, ben, TWO_DAYS.replace(b"2024-01-01,1,", b"2024-01-01T00:00:00,1.0,"))
    assert first.id != second.id
    assert first.sha256 == second.sha256
    assert len(files_under(objects, "datasets")) == 1


async def test_an_upload_mends_bars_that_were_damaged(datasets: DatasetHandlers, objects: Objects, ana: Call) -> None:
    """Whatever happened to the file of their content, it holds the bars again when they are uploaded again."""
    await ingested(datasets, objects, ana, TWO_DAYS)
    (file,) = files_under(objects, "datasets")
    whole = file.read_bytes()
    for damaged in (whole[:-100], whole[:-100] + bytes(100)):
        file.write_bytes(damaged)
        await ingested(datasets, objects, ana, TWO_DAYS)
        assert file.read_bytes() == whole


async def test_a_rejected_upload_is_deleted_and_leaves_nothing(
    datasets: DatasetHandlers, objects: Objects, database: Database, ana: Call
) -> None:
    """Bars that break a rule are refused with the row and the column, and no trace of them stays."""
    key = await upload(objects, TWO_DAYS.replace(b"2024-01-02,1,2", b"2024-01-02,1,0.5"))
    with pytest.raises(Invalid) as caught:
        await datasets.ingest(IngestDataset(upload_key=key, filename="x.csv"), ana)
    assert [error.pointer for error in caught.value.errors] == ["/file/row/2/high"]
    assert not files_under(objects, "uploads")
    assert not files_under(objects, "datasets")
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM datasets") == 0


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"timezone": "Mars/Olympus"}, "/timezone"), ({"name": "a\nb"}, "/name"), ({"interval": "1h"}, "/interval")],
)
async def test_what_is_said_of_the_bars_is_checked(
    datasets: DatasetHandlers, objects: Objects, ana: Call, fields: dict[str, str], pointer: str
) -> None:
    """A zone that is none, a name that cannot be shown and an interval that does not fit are refused by name."""
    message = IngestDataset(upload_key=await upload(objects, TWO_DAYS), filename="x.csv")
    with pytest.raises(Invalid) as caught:
        await datasets.ingest(msgspec.structs.replace(message, **fields), ana)
    assert [error.pointer for error in caught.value.errors] == [pointer]


async def test_only_uploads_are_ingested(datasets: DatasetHandlers, objects: Objects, ana: Call) -> None:
    """A key of anything else is refused and what it names stays, and an upload that is gone is said to be."""
    await objects.put("datasets/x.arrow", b"x")
    for key in ("datasets/x.arrow", "uploads/../datasets/x.arrow"):
        with pytest.raises(Malformed):
            await datasets.ingest(IngestDataset(upload_key=key, filename="x.csv"), ana)
    assert await objects.get("datasets/x.arrow") == b"x"
    with pytest.raises(Unavailable, match="send it again"):
        await datasets.ingest(IngestDataset(upload_key=f"uploads/{new_id()}", filename="x.csv"), ana)


async def test_a_dataset_is_its_owners_alone(dataset: Dataset, datasets: DatasetHandlers, ana: Call, ben: Call) -> None:
    """The owner reads it with its version; for anyone else, and for an id that is none, there is no such dataset."""
    answer = await datasets.read(ReadDataset(id=dataset.id), ana)
    assert (answer.value, answer.versions) == (dataset, {dataset_object(dataset.id): 1})
    for call, wanted in ((ben, dataset.id), (ana, new_id()), (ana, "no-id")):
        with pytest.raises(NotFound) as refused:
            await datasets.read(ReadDataset(id=wanted), call)
        assert refused.value.versions == {}
    await datasets.delete(DeleteDataset(id=dataset.id), ana)
    for call in (ana, ben):
        with pytest.raises(NotFound) as gone:
            await datasets.read(ReadDataset(id=dataset.id), call)
        assert gone.value.versions == {dataset_object(dataset.id): 2}
    with pytest.raises(Unauthenticated):
        await datasets.read(ReadDataset(id=dataset.id), call_of(None))


async def test_pages_are_newest_first_and_end(
    datasets: DatasetHandlers, objects: Objects, clock: FakeClock, ana: Call, ben: Call
) -> None:
    """Following the cursor shows every dataset once, newest first; an empty list has a version too."""
    made = []
    for _ in range(3):
        made.append((await ingested(datasets, objects, ana, TWO_DAYS)).id)
        clock.advance(seconds=1)
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(2):
        answer = await datasets.list_all(ListDatasets(limit=2, cursor=cursor), ana)
        assert isinstance(answer.value, DatasetPage)
        assert answer.versions == {datasets_object(ana.user.user_id): 3}
        seen += [item.id for item in answer.value.items]
        cursor = answer.value.next_cursor
    assert (seen, cursor) == (made[::-1], None)
    empty = await datasets.list_all(ListDatasets(), ben)
    assert (empty.value, empty.versions) == (
        DatasetPage(items=[], next_cursor=None),
        {datasets_object(ben.user.user_id): 0},
    )


def files_under(objects: Objects, prefix: str) -> list[Path]:
    """The objects whose keys begin with `prefix`."""
    assert objects.folder is not None
    return [path for path in (objects.folder / prefix).rglob("*") if path.is_file()]
