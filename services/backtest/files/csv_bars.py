"""Reads an uploaded CSV file as bars: streamed in blocks, so that memory holds the numbers and never all the text."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.collector import Collector, too_many_rows
from services.backtest.core.ingest.columns import NUMBERS
from services.backtest.core.ingest.empty_volumes import EmptyVolumes
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.refusals import refused
from services.backtest.core.ingest.table import MAX_ROWS, Table
from services.backtest.core.ingest.upload import Upload
from services.backtest.files.csv_dialect import START_BYTES, Dialect, read_dialect
from services.backtest.files.csv_numbers import NUMBER_HELP, DecimalMark, are_empty, decimal_mark, read_numbers
from services.backtest.files.csv_source import NO_TEXT, TextSource, open_text, read_start
from services.backtest.files.csv_times import TIME_HELP, ClockJoiner, TimeReader
from services.backtest.files.symbols import Symbols
from shared.contracts.errors import Invalid

BLOCK_BYTES = 4 * 1024 * 1024
MAX_MISSHAPEN = 10_000
SHORTEST_ROW = len("1,1,1,1,1\n")

OnMisshapen = Callable[[csv.InvalidRow], Literal["skip", "error"]]


def read_csv(path: Path, zone: ZoneInfo, *, max_rows: int = MAX_ROWS, block_bytes: int = BLOCK_BYTES) -> Upload:
    """Read and validate a file; its times are those of `zone` where they say nothing else.

    Raises Invalid naming what is wrong with the file, or with each row (pointers such as /file/row/17/high), and
    TooLarge for more than `max_rows` rows.
    """
    dialect = read_dialect(read_start(path, START_BYTES))
    return _Reader(path, dialect, zone, max_rows, block_bytes).read()


class _Reader:
    """One reading of one file. Rows with too few or too many columns are noted and left out, and so are rows of blanks,
    which are not noted; all count as rows.
    """

    def __init__(self, path: Path, dialect: Dialect, zone: ZoneInfo, max_rows: int, block_bytes: int) -> None:
        self._path = path
        self._dialect = dialect
        self._zone = zone
        self._max_rows = max_rows
        self._block_bytes = block_bytes
        self._faults = Faults()
        self._clock = ClockJoiner()
        self._times: TimeReader | None = None
        self._mark = DecimalMark.POINT
        self._empty_volumes = EmptyVolumes(self._faults)
        self._misshapen: list[tuple[int, int]] = []

    def read(self) -> Upload:
        columns = self._dialect.columns
        collector, symbols = Collector(self._faults, self._most_rows(), self._max_rows), Symbols()
        wanted = [*self._time_columns, *columns.numbers.values()]
        wanted += [] if columns.symbol is None else [columns.symbol]
        kept = 0
        with self._batches(wanted, self._leave_out) as batches:
            for read in batches:
                batch, rows = _without_blanks(read, self._row_numbers(kept, read.num_rows))
                kept += read.num_rows
                if columns.symbol is not None:
                    symbols.see(batch.column(str(columns.symbol)))
                collector.add(self._table(batch, rows))
                if kept + len(self._misshapen) > self._max_rows:
                    raise too_many_rows(self._max_rows)
        self._note_misshapen()
        bars = collector.bars()
        notes = [*columns.notes, *(self._times.notes if self._times else []), *self._empty_volumes.notes]
        notes += collector.notes
        return Upload(bars, tuple(notes), symbols.only)

    def _most_rows(self) -> int:
        with open_text(self._path) as source:
            return self._max_rows if source.compressed else self._path.stat().st_size // SHORTEST_ROW + 1

    @property
    def _time_columns(self) -> list[int]:
        time = self._dialect.time
        return [time.time] if time.clock is None else [time.time, time.clock]

    @contextmanager
    def _batches(self, wanted: Sequence[int], on_misshapen: OnMisshapen) -> Iterator[Iterator[pa.RecordBatch]]:
        """Lend the `wanted` columns, named by their numbers, a block at a time."""
        with open_text(self._path) as source:
            yield self._read_batches(source, list(dict.fromkeys(str(index) for index in wanted)), on_misshapen)

    def _read_batches(
        self, source: TextSource, wanted: list[str], on_misshapen: OnMisshapen
    ) -> Iterator[pa.RecordBatch]:
        dialect = self._dialect
        try:
            yield from csv.open_csv(
                cast("BinaryIO", source),
                csv.ReadOptions(
                    use_threads=False,
                    block_size=self._block_bytes,
                    column_names=[str(index) for index in range(dialect.width)],
                    skip_rows=dialect.skipped,
                ),
                csv.ParseOptions(delimiter=dialect.delimiter, invalid_row_handler=on_misshapen),
                csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise self._why_not(str(error)) from error

    def _why_not(self, said: str) -> Invalid:
        if len(self._misshapen) > MAX_MISSHAPEN:
            row, width = self._misshapen[0]
            return refused(
                f"has more than {MAX_MISSHAPEN:,} rows with another number of columns than the "
                f"{self._dialect.width} of its first line, such as row {row} with {width}; write one bar a line"
            )
        if "UTF8" in said:
            return refused(NO_TEXT)
        if "straddling" in said:
            return refused(f"has a line of more than {self._block_bytes // 1024**2} MiB; write one bar a line")
        return refused("cannot be read as CSV; write one bar a line, its cells separated by commas")

    def _table(self, batch: pa.RecordBatch, rows: Ints) -> Table:
        columns = self._dialect.columns
        cells = {field: _cells(batch, index) for field, index in columns.numbers.items()}
        time_cells = self._time_cells(batch)
        if self._times is None and len(rows):
            self._times = TimeReader(time_cells[0].as_py(), self._zone, self._whole_time_column)
            self._mark = decimal_mark(list(cells.values()))
        numbers = {name: np.zeros(len(rows)) for name in NUMBERS if name not in cells}
        for field, texts in cells.items():
            numbers[field], bad = read_numbers(texts, self._mark)
            if field == "volume":
                empty = are_empty(texts) if bad.any() else bad
                self._empty_volumes.see(rows, empty)
                numbers[field], bad = np.where(empty, 0.0, numbers[field]), bad & ~empty
            self._note(rows, field, bad, texts, f"is not a number; {NUMBER_HELP}")
        return Table(rows=rows, time=self._read_times(time_cells, rows), **numbers)

    def _read_times(self, cells: pa.StringArray, rows: Ints) -> Ints:
        if self._times is None:
            return np.empty(0, np.int64)
        times = self._times.read(cells)
        self._note(rows, "time", times.bad, cells, f"is no time, or not of the form of the first row's; {TIME_HELP}")
        change = f"is skipped or repeated where the clocks of {self._zone.key} change; add an offset such as +01:00"
        self._note(rows, "time", times.unclear, cells, change)
        return times.values

    def _time_cells(self, batch: pa.RecordBatch) -> pa.StringArray:
        time = self._dialect.time
        cells = _cells(batch, time.time)
        return cells if time.clock is None else self._clock.join(cells, _cells(batch, time.clock))

    def _whole_time_column(self) -> Iterator[pa.StringArray]:
        with self._batches(self._time_columns, lambda _: "skip") as batches:
            for batch in batches:
                yield self._time_cells(batch)

    def _leave_out(self, row: csv.InvalidRow) -> Literal["skip", "error"]:
        width = row.actual_columns if row.text.replace(self._dialect.delimiter, "").strip() else 0
        self._misshapen.append((cast("int", row.number) - self._dialect.skipped, width))
        return "skip" if len(self._misshapen) <= MAX_MISSHAPEN else "error"

    def _row_numbers(self, kept: int, count: int) -> Ints:
        """The numbers of `count` rows of which `kept` came before, counting those left out so far."""
        left_out = np.array([row for row, _ in self._misshapen], np.int64)
        places = np.arange(kept, kept + count, dtype=np.int64)
        before = np.searchsorted(left_out - 1 - np.arange(len(left_out)), places, side="right")
        return places + before + 1

    def _note(self, rows: Ints, field: str, bad: Flags, cells: pa.StringArray, why: str) -> None:
        where = np.flatnonzero(bad)

        def message(index: int) -> str:
            text = cells[int(where[index])].as_py()
            return f"{text[:40]!r} {why}" if text.strip() else "is empty; fill it in, or leave the row out"

        self._faults.add(rows[where], field, message)

    def _note_misshapen(self) -> None:
        misshapen = [(row, width) for row, width in self._misshapen if width]
        rows = np.array([row for row, _ in misshapen], np.int64)

        def message(index: int) -> str:
            cells = "1 column" if misshapen[index][1] == 1 else f"{misshapen[index][1]} columns"
            return f"has {cells}, and the first line {self._dialect.width}; write one bar a line, and nothing else"

        self._faults.add(rows, "", message)


def _without_blanks(batch: pa.RecordBatch, rows: Ints) -> tuple[pa.RecordBatch, Ints]:
    """Leave out the rows that have nothing in them: spreadsheets write rows of delimiters alone below a table."""
    filled = np.zeros(batch.num_rows, np.bool_)
    for column in batch.columns:
        filled |= pc.not_equal(column, pa.scalar("")).to_numpy(zero_copy_only=False)
        if filled.all():
            return batch, rows
    return batch.filter(pa.array(filled)), rows[filled]


def _cells(batch: pa.RecordBatch, index: int) -> pa.StringArray:
    return cast("pa.StringArray", pc.utf8_trim_whitespace(batch.column(str(index))))
