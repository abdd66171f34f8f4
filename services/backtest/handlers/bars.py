"""The bars of a dataset: a page of them, or all as a file. What is another owner's is not found."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from numpy.typing import NDArray

from services.backtest.core.ingest.columns import NUMBERS
from services.backtest.core.moments import moments
from services.backtest.core.period import span
from services.backtest.core.row_cursor import cursor_after, rows_before
from services.backtest.exports import Exports
from services.backtest.files.dataset_file import dataset_key, map_bars
from services.backtest.files.table_pieces import in_seconds, parts, pieces, times
from services.backtest.handlers.datasets import NO_DATASET
from services.backtest.store.datasets import read_dataset
from shared.contracts.errors import InputError, Invalid, NotFound, Unavailable
from shared.contracts.ids import is_id
from shared.contracts.messages import ExportBars, ListBars, TableForm
from shared.contracts.objects import dataset_object
from shared.contracts.values import Bar, BarPage, Dataset
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects

Columns = dict[str, NDArray[Any]]


class BarHandlers:
    """The bars of datasets, from the files in the object store."""

    def __init__(self, database: Database, objects: Objects, exports: Exports) -> None:
        self._database = database
        self._objects = objects
        self._exports = exports

    async def list_bars(self, message: ListBars, call: Call) -> Answer:
        """Answer a page of bars. Raises NotFound, Malformed for a cursor of something else, Invalid for a period."""
        list_id = f"{message.id} {message.start} {message.end}"
        before = rows_before(message.cursor, list_id)
        async with self._columns(message, call) as (bars, dataset, version):
            part = _period(message, bars, dataset)
            begin = part.start + before
            items = _items(bars, slice(begin, min(begin + message.limit, part.stop)))
        more = begin + message.limit < part.stop
        page = BarPage(items=items, next_cursor=cursor_after(list_id, before + message.limit) if more else None)
        return Answer(page, {dataset_object(message.id): version})

    async def export(self, message: ExportBars, call: Call) -> Answer:
        """Make the file that was asked for and answer where it is. Raises NotFound, Invalid for a period."""
        async with self._columns(message, call) as (bars, dataset, version):
            part = _period(message, bars, dataset)
            table = await asyncio.to_thread(_table, bars, part, message.form)
            export = await self._exports.store(table, call)
        return Answer(export, {dataset_object(message.id): version})

    @asynccontextmanager
    async def _columns(self, message: ListBars | ExportBars, call: Call) -> AsyncIterator[tuple[Columns, Dataset, int]]:
        """Lend the columns of the bars, mapped into memory, with what is known of the dataset."""
        found = None
        if is_id(message.id):
            async with self._database.reading() as connection:
                found = await read_dataset(connection, message.id, call.user.user_id)
        if found is None:
            raise NotFound(NO_DATASET)
        dataset, version = found
        try:
            async with self._objects.as_file(dataset_key(dataset.sha256)) as path:
                yield await asyncio.to_thread(map_bars, path), dataset, version
        except NotFound as error:
            raise Unavailable("The bars are not in the object store at the moment") from error


def _period(message: ListBars | ExportBars, bars: Columns, dataset: Dataset) -> slice:
    if message.start is not None and message.end is not None and message.start > message.end:
        why = f"{message.start} is after the end, {message.end}; swap them"
        raise Invalid(f"The period: {why}", errors=(InputError("/query/start", why),))
    return span(bars["time"], message.start, message.end, ZoneInfo(dataset.timezone))


def _items(bars: Columns, part: slice) -> list[Bar]:
    numbers = (bars[name][part].tolist() for name in NUMBERS)
    return [
        Bar(time=time, open=open_, high=high, low=low, close=close, volume=volume)
        for time, open_, high, low, close, volume in zip(moments(bars["time"][part]), *numbers, strict=True)
    ]


def _table(bars: Columns, part: slice, form: TableForm) -> Iterator[bytes]:
    time = bars["time"][part]
    columns = {name: bars[name][part] for name in NUMBERS}
    seconds = in_seconds(form, time)

    def batch(rows: slice) -> pa.RecordBatch:
        numbers = {name: pa.array(column[rows]) for name, column in columns.items()}
        return pa.record_batch({"time": times(time[rows], seconds=seconds), **numbers})

    return pieces(batch(slice(0, 0)).schema, (batch(rows) for rows in parts(len(time))), form)
