"""Reads an uploaded Parquet file as bars, a few thousand rows of the columns that matter at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.collector import Collector, too_many_rows
from services.backtest.core.ingest.columns import MAX_COLUMNS, NUMBERS, Columns, find_columns
from services.backtest.core.ingest.empty_volumes import EmptyVolumes
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.refusals import refused
from services.backtest.core.ingest.table import MAX_ROWS, Table
from services.backtest.core.ingest.time_columns import TimeColumns, choose_time
from services.backtest.core.ingest.upload import Upload
from services.backtest.files.parquet_cells import NumberReader, kind_of_column, readable_as
from services.backtest.files.parquet_times import MomentReader
from services.backtest.files.symbols import Symbols

MAGIC = b"PAR1"
BATCH_ROWS = 65_536
BUFFER_BYTES = 1024 * 1024
MAX_FOOTER_BYTES = 16 * 1024 * 1024

_ENCRYPTED = b"PARE"
DAMAGED = "cannot be read as Parquet: it is damaged or cut off; write it again"
# What pyarrow raises for a file that breaks the format, in whatever way.
_BROKEN = (pa.ArrowException, OSError, ValueError, OverflowError, IndexError, KeyError)


def read_parquet(path: Path, zone: ZoneInfo, *, max_rows: int = MAX_ROWS) -> Upload:
    """Read and validate a file; its times are those of `zone` where they have none.

    Raises Invalid naming what is wrong with the file, or with each row (pointers such as /file/row/17/high), and
    TooLarge for more than `max_rows` rows. A file may need any amount of memory: what there is must be limited outside.
    """
    _check_footer(path)
    try:
        with pq.ParquetFile(
            path,
            buffer_size=BUFFER_BYTES,
            pre_buffer=False,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=1_000_000,
        ) as file:
            if file.metadata.num_rows > max_rows:
                raise too_many_rows(max_rows)
            if file.metadata.num_columns > MAX_COLUMNS:
                raise refused(f"has {file.metadata.num_columns} columns; keep time, open, high, low, close and volume")
            return _Reader(file, zone, max_rows).read()
    except MemoryError:
        raise
    except _BROKEN as error:
        raise refused(DAMAGED) from error


class _Reader:
    """One reading of one open file."""

    def __init__(self, file: pq.ParquetFile, zone: ZoneInfo, max_rows: int) -> None:
        self._file = file
        self._zone = zone
        self._max_rows = max_rows
        self._schema = file.schema_arrow
        self._faults = Faults()
        self._empty_volumes = EmptyVolumes(self._faults)
        self._columns = find_columns(self._schema.names)

    def read(self) -> Upload:
        time = self._choose_time()
        moments = MomentReader(self._schema, time, self._zone, self._batches)
        readers = {name: NumberReader(self._schema.field(index), name) for name, index in self._columns.numbers.items()}
        most = self._file.metadata.num_rows
        collector, symbols, count = Collector(self._faults, most, self._max_rows), Symbols(), 0
        for batch in self._batches(self._wanted(time)):
            rows = np.arange(count + 1, count + batch.num_rows + 1)
            count += batch.num_rows
            if self._columns.symbol is not None:
                symbols.see(batch.column(self._schema.names[self._columns.symbol]))
            numbers = {name: np.zeros(len(rows)) for name in NUMBERS if name not in readers}
            for name, reader in readers.items():
                cells = batch.column(reader.column)
                numbers[name], bad = reader.read(cells)
                if name == "volume":
                    empty = reader.empty(cells, bad)
                    self._empty_volumes.see(rows, empty)
                    numbers[name], bad = np.where(empty, 0.0, numbers[name]), bad & ~empty
                self._note(rows, name, bad, cells, "is not a number; store one, or leave the row out")
            collector.add(Table(rows=rows, time=self._times(moments, batch, rows), **numbers))
        bars = collector.bars()
        notes = (*self._columns.notes, *moments.notes, *self._empty_volumes.notes, *collector.notes)
        return Upload(bars, notes, symbols.only)

    def _choose_time(self) -> TimeColumns:
        indices = self._columns.times
        names = [self._schema.names[index] for index in indices]
        first = next((batch for batch in self._batches(names) if batch.num_rows), None)
        if first is None or len(names) == 1:
            return TimeColumns(indices[0], None)
        return choose_time(indices, [kind_of_column(first.column(name)) for name in names])

    def _wanted(self, time: TimeColumns) -> list[str]:
        columns: Columns = self._columns
        indices = [time.time, time.clock, columns.symbol, *columns.numbers.values()]
        return [self._schema.names[index] for index in dict.fromkeys(indices) if index is not None]

    def _batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield the columns of these names, which must be the names of one column each, and of no nested one."""
        for name in names:
            if self._schema.names.count(name) > 1:
                raise refused(f"has two columns named {name[:40]}; keep one of them")
            readable_as(self._schema.field(name))
        yield from self._file.iter_batches(batch_size=BATCH_ROWS, columns=names, use_threads=False)

    def _times(self, moments: MomentReader, batch: pa.RecordBatch, rows: Ints) -> Ints:
        times = moments.read(batch)
        self._note(rows, "time", times.bad, moments.cells(batch), "is no time from 1700 to 2199 that can be read")
        change = f"is skipped or repeated where the clocks of {self._zone.key} change; store times with a time zone"
        self._note(rows, "time", times.unclear, moments.cells(batch), change)
        return times.values

    def _note(self, rows: Ints, field: str, bad: Flags, cells: "pa.Array[Any]", why: str) -> None:
        where = np.flatnonzero(bad)

        def message(index: int) -> str:
            cell = cells[int(where[index])]
            return f"{_text(cell)[:40]} {why}" if cell.is_valid else "is empty; fill it in, or leave the row out"

        self._faults.add(rows[where], field, message)


def _text(cell: "pa.Scalar[Any]") -> str:
    try:
        return str(cell.as_py())
    except (ValueError, OverflowError, ArithmeticError):  # a moment that Python's calendar does not reach
        return "what stands there"


def _check_footer(path: Path) -> None:
    """Raise Invalid unless the file ends as Parquet does and what describes it has a sound size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8))
        end = file.read(8)
    if end[-4:] == _ENCRYPTED:
        raise refused("is encrypted Parquet; write it without encryption")
    if size < 12 or end[-4:] != MAGIC:
        raise refused("begins as Parquet and does not end as such: it is cut off; upload it again")
    footer = int.from_bytes(end[:4], "little")
    if footer > size - 12:
        raise refused(DAMAGED)
    if footer > MAX_FOOTER_BYTES:
        raise refused(
            f"needs {footer // 1024**2} MiB to describe its row groups and columns; "
            "write it with fewer columns, and row groups of 100,000 rows or more"
        )
