"""Gathers the bars of an upload, some rows at a time: checks each part as it comes and keeps its numbers alone."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.ingest.columns import NUMBERS
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.refusals import refused
from services.backtest.core.ingest.rules import find_faults
from services.backtest.core.ingest.table import MAX_ROWS, MIN_ROWS, NO_TIME, Table
from shared.contracts.errors import TooLarge

N = TypeVar("N", np.int64, np.float64)

NEWEST_FIRST = "The rows were newest first and have been turned around"


class Collector:
    """The bars of one upload, of `most` rows at the utmost; what is wrong with them goes to `faults`."""

    def __init__(self, faults: Faults, most: int = MAX_ROWS, max_rows: int = MAX_ROWS) -> None:
        self.notes: list[str] = []
        self._faults = faults
        self._max_rows = max_rows
        self._count = 0
        self._before = int(NO_TIME)
        self._newest_first: bool | None = None
        # The system gives memory to what is written alone, so that no room has to be made, and copied to, later.
        room = min(most, max_rows)
        self._time: Ints = np.empty(room, np.int64)
        self._numbers: dict[str, Floats] = {name: np.empty(room) for name in NUMBERS}

    def add(self, table: Table) -> None:
        """Check and keep some rows, in the order of the file.

        Raises TooLarge beyond the most a dataset may have, Invalid when nearly all is wrong.
        """
        part = slice(self._count, self._count + len(table))
        self._count += len(table)
        if self._count > len(self._time):
            raise too_many_rows(self._max_rows)
        if self._newest_first is None:
            self._newest_first = _is_newest_first(np.append(self._before, table.time))
        find_faults(table, self._faults, before=self._before, newest_first=bool(self._newest_first))
        self._faults.raise_if_many()
        if len(table):
            self._before = int(table.time[-1])
        self._time[part] = table.time
        for name, column in self._numbers.items():
            # Adding 0 makes the negative zero positive: two spellings of one number must not be two datasets.
            np.add(getattr(table, name), 0.0, out=column[part])

    def bars(self) -> Bars:
        """Return all bars in order of time. Raises Invalid with the faults, or when there are too few bars."""
        self._faults.raise_if_any()
        if self._count < MIN_ROWS:
            raise refused(f"holds fewer than {MIN_ROWS} bars")
        if self._newest_first:
            self.notes.append(NEWEST_FIRST)
        numbers = {name: self._in_order(column) for name, column in self._numbers.items()}
        return Bars(time=self._in_order(self._time), **numbers)

    def _in_order(self, column: NDArray[N]) -> NDArray[N]:
        kept = column[: self._count]
        if self._newest_first:
            kept[:] = kept[::-1].copy()
        return kept


def too_many_rows(most: int) -> TooLarge:
    """Return the error for a file with more rows than a dataset may have."""
    return TooLarge(f"The file has more than {most:,} rows of bars; split it, or make longer bars")


def _is_newest_first(time: Ints) -> bool | None:
    """Say whether the rows begin with the newest, by the first and the last time; None when two cannot be told."""
    known = time[time != NO_TIME]
    return None if len(known) < 2 else bool(known[0] > known[-1])
