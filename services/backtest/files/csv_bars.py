"""Reads an uploaded CSV file as bars: streamed in blocks, so that memory holds the numbers and never all the text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Flags, Floats, Ints
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.header import FIELDS, Header, read_header
from services.backtest.core.ingest.rules import find_faults
from services.backtest.core.ingest.table import MAX_ROWS, MIN_ROWS, Table
from services.backtest.files.csv_cells import TIME_HELP, TimeReader, read_numbers
from shared.contracts.errors import InputError, Invalid, TooLarge

BLOCK_BYTES = 4 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024

_NO_TEXT = "is not UTF-8 text; save it as CSV in UTF-8"


def read_csv(path: Path, zone: ZoneInfo) -> Bars:
    """Read and validate a file; its times are those of `zone` where they say nothing else.

    Raises Invalid naming what is wrong with the file, or with each row (pointers such as /file/row/17/high), and
    TooLarge for more than MAX_ROWS rows.
    """
    faults = Faults()
    table = _Reader(path, zone, faults).read()
    find_faults(table, faults)
    faults.raise_if_any()
    if len(table) < MIN_ROWS:
        raise _refused(f"holds fewer than {MIN_ROWS} bars")
    return table.bars()


class _Reader:
    """One reading of one file. A row with too few or too many columns is noted and left out, but counts as a row."""

    def __init__(self, path: Path, zone: ZoneInfo, faults: Faults) -> None:
        self._path = path
        self._zone = zone
        self._faults = faults
        self._times: TimeReader | None = None
        self._misshapen: list[tuple[int, int]] = []

    def read(self) -> Table:
        header, lines = _find_header(self._path)
        parts: dict[str, list[NDArray[Any]]] = {field: [] for field in FIELDS}
        kept = 0
        for batch in self._batches(header, lines):
            rows = self._row_numbers(kept, batch.num_rows)
            for field, column in zip(FIELDS, batch.columns, strict=True):
                cells = cast("pa.StringArray", pc.ascii_trim_whitespace(column))
                parts[field].append(self._column(field, cells, rows))
            kept += batch.num_rows
            if kept + len(self._misshapen) > MAX_ROWS:
                raise TooLarge(f"The file has more than {MAX_ROWS:,} rows of bars; split it")
        self._note_misshapen(header.width)
        # One column after another, so that no more than one is there twice.
        columns: dict[str, NDArray[Any]] = {}
        for field in FIELDS:
            arrays = parts.pop(field)
            columns[field] = np.concatenate(arrays) if arrays else np.empty(0)
        return Table(rows=self._row_numbers(0, kept), **columns)

    def _batches(self, header: Header, lines: int) -> Iterator[pa.RecordBatch]:
        names = [str(index) for index in range(header.width)]
        wanted = [names[header.columns[field]] for field in FIELDS]
        try:
            yield from csv.open_csv(
                self._path,
                csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=lines),
                csv.ParseOptions(delimiter=header.delimiter, invalid_row_handler=self._leave_out),
                csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            why = _NO_TEXT if "UTF8" in str(error) else "cannot be read as CSV; write one bar a line"
            raise _refused(why) from error

    def _leave_out(self, row: csv.InvalidRow) -> Literal["skip", "error"]:
        self._misshapen.append((cast("int", row.number) - 1, row.actual_columns))
        return "skip"

    def _row_numbers(self, kept: int, count: int) -> Ints:
        """The numbers of `count` rows of which `kept` came before, counting those left out so far."""
        left_out = np.array([row for row, _ in self._misshapen], np.int64)
        places = np.arange(kept, kept + count, dtype=np.int64)
        before = np.searchsorted(left_out - 1 - np.arange(len(left_out)), places, side="right")
        return places + before + 1

    def _column(self, field: str, cells: pa.StringArray, rows: Ints) -> Floats | Ints:
        if field == "time":
            return self._time_column(cells, rows)
        values, bad = read_numbers(cells)
        self._note(rows, field, bad, cells, "is not a number; write it like 1234.5")
        return values

    def _time_column(self, cells: pa.StringArray, rows: Ints) -> Ints:
        if self._times is None:
            self._times = TimeReader(cells[0].as_py(), self._zone)
        times = self._times.read(cells)
        self._note(rows, "time", times.bad, cells, f"is no time, or not of the form of the first row's; {TIME_HELP}")
        change = f"is skipped or repeated where the clocks of {self._zone.key} change; add an offset such as +01:00"
        self._note(rows, "time", times.unclear, cells, change)
        return times.values

    def _note(self, rows: Ints, field: str, bad: Flags, cells: pa.StringArray, why: str) -> None:
        where = np.flatnonzero(bad)

        def message(index: int) -> str:
            text = cells[int(where[index])].as_py()
            return f"{text[:40]!r} {why}" if text else "is empty"

        self._faults.add(rows[where], field, message)

    def _note_misshapen(self, width: int) -> None:
        rows = np.array([row for row, _ in self._misshapen], np.int64)
        self._faults.add(rows, "", lambda index: f"has {self._misshapen[index][1]} columns; the first line has {width}")


def _find_header(path: Path) -> tuple[Header, int]:
    """Return the header, the first line that is not blank, and the number of lines up to it. Raises Invalid."""
    with path.open("rb") as file:
        start = file.read(MAX_HEADER_BYTES)
    try:
        lines = start.decode("utf-8-sig", "strict" if len(start) < MAX_HEADER_BYTES else "ignore").splitlines()
    except UnicodeDecodeError as error:
        raise _refused(_NO_TEXT) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            return read_header(line), number
    raise _refused("is empty")


def _refused(why: str) -> Invalid:
    return Invalid(f"The file {why}", errors=(InputError("/file", why),))
