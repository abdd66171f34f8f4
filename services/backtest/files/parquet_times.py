"""The time of each row of a Parquet file: timestamps of any unit and zone, dates, Unix times, or texts."""

from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.civil import out_of_reach
from services.backtest.core.ingest.interval import DAY, SECOND
from services.backtest.core.ingest.refusals import refused
from services.backtest.core.ingest.table import NO_TIME
from services.backtest.core.ingest.time_columns import TimeColumns
from services.backtest.files.csv_times import ClockJoiner, TimeReader, Times, zoned
from services.backtest.files.parquet_cells import is_text, plain, readable_as, texts

Batches = Callable[[list[str]], Iterator[pa.RecordBatch]]

_PER_UNIT = {"s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1}
# 64 bits of seconds reach further than 64 bits of nanoseconds do.
_FURTHEST = 100_000 * DAY


class MomentReader:
    """Reads the time of a batch's rows. Raises Invalid when the column's type can hold none."""

    def __init__(self, schema: pa.Schema, time: TimeColumns, zone: ZoneInfo, batches: Batches) -> None:
        self._zone = zone
        self._batches = batches
        self._column = schema.names[time.time]
        self._clock = None if time.clock is None else schema.names[time.clock]
        self._joiner = ClockJoiner()
        self._texts: TimeReader | None = None
        kind = readable_as(schema.field(time.time))
        if not (is_text(kind) or any(check(kind) for check in _TIMES)):
            raise refused(
                f"has its time in the column {self._column[:40]}, of type {str(kind)[:40]}; "
                "store a timestamp, a date, Unix time as whole numbers, or text"
            )

    @property
    def notes(self) -> list[str]:
        """What the owner should know of how times were read."""
        return [] if self._texts is None else self._texts.notes

    def cells(self, batch: pa.RecordBatch) -> "pa.Array[Any]":
        """Return the cells that hold the time, or the date."""
        return plain(batch.column(self._column))

    def read(self, batch: pa.RecordBatch) -> Times:
        """Return the times of a batch."""
        cells = self.cells(batch)
        if self._clock is None and pa.types.is_timestamp(cells.type):
            return self._read_timestamps(cells)
        if self._clock is None and pa.types.is_date(cells.type):
            days = pc.cast(cells, pa.date32(), safe=False).cast(pa.int32()).cast(pa.int64())
            return zoned(_moments(days, DAY), np.zeros(len(days), np.bool_), self._zone)
        written = self._written(batch)
        if self._texts is None and len(written):
            self._texts = TimeReader(written[0].as_py(), self._zone, self._whole_column)
        return self._texts.read(written) if self._texts else Times(np.empty(0, np.int64), _no_flags(0), _no_flags(0))

    def _read_timestamps(self, cells: "pa.Array[Any]") -> Times:
        moments = _moments(cells.cast(pa.int64()), _PER_UNIT[cells.type.unit])
        if cells.type.tz is None:
            # Daily bars have midnights, which a change of the clocks may skip; all else has a time of day.
            return zoned(moments, moments % DAY != 0, self._zone)
        bad = out_of_reach(moments)
        return Times(np.where(bad, NO_TIME, moments), bad, _no_flags(len(moments)))

    def _written(self, batch: pa.RecordBatch) -> pa.StringArray:
        """The times as text: of a date and a time of day in two columns, and of numbers, too."""
        cells = self.cells(batch)
        if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
            cells = pc.cast(cells, pa.date32(), safe=False)
        if self._clock is None:
            return texts(cells)
        return self._joiner.join(texts(cells), texts(batch.column(self._clock)))

    def _whole_column(self) -> Iterator[pa.StringArray]:
        for batch in self._batches([name for name in (self._column, self._clock) if name is not None]):
            yield self._written(batch)


_TIMES = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_integer)


def _moments(values: "pa.Array[Any]", per: int) -> Ints:
    """Whole numbers of `per` nanoseconds as nanoseconds, NO_TIME for none and for what 64 bits do not hold."""
    numbers: Ints = values.fill_null(0).to_numpy(zero_copy_only=False)
    limit = _FURTHEST // per
    held: Flags = values.is_valid().to_numpy(zero_copy_only=False) & (numbers > -limit) & (numbers < limit)
    return np.where(held, np.where(held, numbers, 0) * per, NO_TIME)


def _no_flags(count: int) -> Flags:
    return np.zeros(count, np.bool_)
