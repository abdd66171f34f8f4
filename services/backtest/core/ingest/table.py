"""Some rows of an uploaded table as they were read, before they are known to be bars."""

from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints

NO_TIME = np.iinfo(np.int64).min
"""Stands for a time that could not be read, as NaN does for a number. Its fault is noted already."""

MAX_ROWS = 5_000_000
MIN_ROWS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of shape (rows,): `rows` the number of each row in the file, `time` in nanoseconds since 1970 UTC."""

    rows: Ints
    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.rows)
