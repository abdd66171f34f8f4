"""The bars a backtest runs on."""

from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Bars:
    """Bars in order of time: `time` in nanoseconds since 1970 UTC (int64), the rest float64, all of shape (bars,).

    The arrays are taken as read-only views, without a copy where they have the right type already. Raises ValueError
    when they differ in length, hold no bar, or hold what no market has: times out of order, prices not above 0.
    """

    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __post_init__(self) -> None:
        for name in ("time", "open", "high", "low", "close", "volume"):
            dtype = np.int64 if name == "time" else np.float64
            column = np.ascontiguousarray(getattr(self, name), dtype).view()
            column.flags.writeable = False
            if column.shape != (len(self.time),):
                raise ValueError(f"`{name}` has the shape {column.shape}, and `time` has {len(self.time)} bars")
            object.__setattr__(self, name, column)
        if len(self.time) == 0:
            raise ValueError("there are no bars; choose a range of dates that has some")
        if np.any(self.time[1:] <= self.time[:-1]):
            raise ValueError("the times must rise from bar to bar")
        for name in ("open", "high", "low", "close"):
            price = getattr(self, name)
            if not np.all((price > 0.0) & np.isfinite(price)):
                raise ValueError(f"`{name}` must be above 0 on every bar")

    def __len__(self) -> int:
        return len(self.time)

    def series(self, name: str) -> Floats:
        """The series the language calls `name`, shape (bars,), read-only."""
        match name:
            case "hl2":
                made = (self.high + self.low) / 2.0
            case "hlc3":
                made = (self.high + self.low + self.close) / 3.0
            case "ohlc4":
                made = (self.open + self.high + self.low + self.close) / 4.0
            case _:
                column: Floats = getattr(self, name)
                return column
        made.flags.writeable = False
        return made
