"""The bars of a dataset: page by page, and as files."""

import io
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.backtest.core.moments import moments
from services.backtest.exports import Exports
from services.backtest.handlers.bars import BarHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.ingest_pool import IngestPool
from services.backtest.tests.fakes import apple, csv_of
from services.backtest.tests.steps import ingested, upload
from shared.contracts.errors import Invalid, Malformed, NotFound
from shared.contracts.ids import new_id
from shared.contracts.messages import DeleteDataset, ExportBars, IngestDataset, ListBars, TableForm
from shared.contracts.objects import dataset_object
from shared.contracts.values import BarPage, Dataset, Export
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

FORMS: tuple[TableForm, ...] = ("csv", "arrow", "parquet")


async def page_of(bars: BarHandlers, message: ListBars, call: Call) -> BarPage:
    """A page of bars."""
    answer = await bars.list_bars(message, call)
    assert isinstance(answer.value, BarPage)
    assert answer.versions == {dataset_object(message.id): 1}
    return answer.value


async def exported(bars: BarHandlers, objects: Objects, message: ExportBars, call: Call) -> bytes:
    """The file that was asked for."""
    answer = await bars.export(message, call)
    assert isinstance(answer.value, Export)
    return await objects.get(answer.value.object_key)


async def test_pages_hold_every_bar_once(bars: BarHandlers, dataset: Dataset, ana: Call) -> None:
    """From the first to the last, in order, to the last bit."""
    seen, cursor = [], None
    while True:
        page = await page_of(bars, ListBars(id=dataset.id, limit=200, cursor=cursor), ana)
        seen += page.items
        if (cursor := page.next_cursor) is None:
            break
    whole = apple()
    assert [bar.time for bar in seen] == moments(whole.time)
    for name in ("open", "high", "low", "close", "volume"):
        assert [getattr(bar, name) for bar in seen] == getattr(whole, name).tolist()


@pytest.mark.parametrize(
    ("start", "end", "first", "count"),
    [
        (date(2013, 2, 28), None, "2013-02-28", 2),
        (None, date(2000, 3, 2), "2000-03-01", 2),
        (date(2000, 3, 4), date(2000, 3, 6), "2000-03-06", 1),
        (date(2000, 3, 4), date(2000, 3, 5), None, 0),
        (date(1, 1, 1), date(1, 1, 1), None, 0),
        (date(9999, 12, 31), date(9999, 12, 31), None, 0),
    ],
)
async def test_a_period_has_both_its_days(
    bars: BarHandlers, objects: Objects, dataset: Dataset, ana: Call, start: date | None, end: date | None,
    first: str | None, count: int,
) -> None:  # fmt: skip
    """Whether as a page or as a file; a period without bars is empty."""
    page = await page_of(bars, ListBars(id=dataset.id, start=start, end=end), ana)
    assert ([str(bar.time.date()) for bar in page.items[:1]], len(page.items)) == ([first] if first else [], count)
    assert page.next_cursor is None
    csv = await exported(bars, objects, ExportBars(id=dataset.id, form="csv", start=start, end=end), ana)
    assert len(csv.splitlines()) == count + 1


async def test_days_are_those_of_the_datasets_zone(
    bars: BarHandlers, datasets: DatasetHandlers, objects: Objects, ana: Call
) -> None:
    """A day in Tokyo begins nine hours before it does in UTC."""
    key = await upload(objects, b"t,o,h,l,c\n2024-01-02,1,1,1,1\n2024-01-03,2,2,2,2\n")
    message = IngestDataset(upload_key=key, filename="x.csv", timezone="Asia/Tokyo")
    dataset = (await datasets.ingest(message, ana)).value
    assert isinstance(dataset, Dataset)
    page = await page_of(bars, ListBars(id=dataset.id, end=date(2024, 1, 2)), ana)
    assert [bar.time.isoformat() for bar in page.items] == ["2024-01-01T15:00:00+00:00"]


async def test_a_cursor_is_of_one_list(bars: BarHandlers, dataset: Dataset, ana: Call) -> None:
    """With another period it is refused, as a text that is none."""
    cursor = (await page_of(bars, ListBars(id=dataset.id, start=date(2001, 1, 1)), ana)).next_cursor
    assert cursor is not None
    for message in (
        ListBars(id=dataset.id, cursor=cursor),
        ListBars(id=dataset.id, start=date(2001, 1, 2), cursor=cursor),
        ListBars(id=dataset.id, cursor="x"),
    ):
        with pytest.raises(Malformed):
            await bars.list_bars(message, ana)


async def test_a_period_that_ends_before_it_begins_is_refused(bars: BarHandlers, dataset: Dataset, ana: Call) -> None:
    """By the name of the parameter."""
    start, end = date(2001, 1, 2), date(2001, 1, 1)
    for attempt in (
        bars.list_bars(ListBars(id=dataset.id, start=start, end=end), ana),
        bars.export(ExportBars(id=dataset.id, form="csv", start=start, end=end), ana),
    ):
        with pytest.raises(Invalid, match="swap them") as caught:
            await attempt
        assert caught.value.errors[0].pointer == "/query/start"


async def test_bars_are_their_owners_alone(bars: BarHandlers, dataset: Dataset, ana: Call, ben: Call) -> None:
    """For anyone else, and for an id that is none, there is no such dataset."""
    for identifier, call in ((dataset.id, ben), (new_id(), ana), ("no-id", ana)):
        with pytest.raises(NotFound):
            await bars.list_bars(ListBars(id=identifier), call)
        with pytest.raises(NotFound):
            await bars.export(ExportBars(id=identifier, form="csv"), call)


@pytest.mark.parametrize("form", FORMS)
async def test_a_file_holds_every_bar(
    bars: BarHandlers, objects: Objects, dataset: Dataset, ana: Call, form: TableForm
) -> None:
    """To the last bit, with its names and a time that says UTC."""
    content = await exported(bars, objects, ExportBars(id=dataset.id, form=form), ana)
    if form == "csv":
        assert content.startswith(b"time,open,high,low,close,volume\n2000-03-01T00:00:00Z,")
        return
    table = pa.ipc.open_stream(content).read_all() if form == "arrow" else pq.read_table(io.BytesIO(content))
    assert table.schema.field("time").type.tz == "UTC"
    times = table["time"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
    assert np.array_equal(times, apple().time)
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(table[name].to_numpy(), getattr(apple(), name)), name


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_what_is_taken_away_can_be_brought_back(
    bars: BarHandlers, datasets: DatasetHandlers, objects: Objects, dataset: Dataset, ana: Call, form: TableForm
) -> None:
    """A file of a dataset's bars is an upload of the same content."""
    content = await exported(bars, objects, ExportBars(id=dataset.id, form=form), ana)
    assert (await ingested(datasets, objects, ana, content)).sha256 == dataset.sha256


async def test_a_store_that_is_no_folder_does_as_well(
    database: Database, clock: FakeClock, readers: IngestPool, ana: Call
) -> None:
    """Uploaded, read, exported and deleted in a store that is known by a URL alone, as S3 is."""
    objects = Objects("memory:///")
    datasets, bars = (
        DatasetHandlers(database, clock, objects, readers),
        BarHandlers(database, objects, Exports(objects)),
    )
    dataset = await ingested(datasets, objects, ana, csv_of(apple()))
    assert len((await page_of(bars, ListBars(id=dataset.id), ana)).items) == 50
    content = await exported(bars, objects, ExportBars(id=dataset.id, form="parquet"), ana)
    assert (await ingested(datasets, objects, ana, content)).sha256 == dataset.sha256
    await datasets.delete(DeleteDataset(id=dataset.id), ana)
    assert await objects.exists(f"datasets/{dataset.sha256}.arrow")
