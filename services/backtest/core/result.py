"""What a backtest gives: its curve, its trades, its metrics, and the digest that names them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from services.backtest.core.engine.dtypes import ExitReason, Floats, Ints, Status


@dataclass(frozen=True, slots=True)
class Trade:
    """One round trip, or the one still open at the end, whose exit is the last close.

    Times are nanoseconds since 1970 UTC; `pnl` is money after `fees`, `return_` a fraction of what was bought or sold,
    NaN where that is worth too little for a number; `bars` is how many passed from the entry to the exit.
    """

    side: str
    quantity: float
    entry_time: int
    entry_price: float
    exit_time: int
    exit_price: float
    pnl: float
    return_: float
    fees: float
    bars: int
    exit_reason: str
    status: str


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades as columns of shape (trades,), in order of entry, an open one last.

    `side` is 1 or -1, `exit_reason` and `status` hold the codes of ExitReason and Status.
    """

    side: Ints
    quantity: Floats
    entry_time: Ints
    entry_price: Floats
    exit_time: Ints
    exit_price: Floats
    pnl: Floats
    return_: Floats
    fees: Floats
    bars: Ints
    exit_reason: Ints
    status: Ints

    def __len__(self) -> int:
        return len(self.side)

    def __getitem__(self, index: int) -> Trade:
        row = [column[index].item() for column in self.columns()]
        row[0] = "long" if row[0] > 0 else "short"
        row[-2:] = [ExitReason(row[-2]).name.lower(), Status(row[-1]).name.lower()]
        return Trade(*row)

    def __iter__(self) -> Iterator[Trade]:
        return (self[index] for index in range(len(self)))

    def columns(self) -> tuple[Floats | Ints, ...]:
        """The columns in the documented order."""
        return tuple(getattr(self, column.name) for column in fields(self))


@dataclass(frozen=True, slots=True, eq=False)
class BacktestResult:
    """One run. The curve has the shape (bars,), as of each close.

    `time` is nanoseconds since 1970 UTC, `drawdown` a fraction <= 0 of the highest equity before, the initial cash
    included, `position` units held (negative when short). `warmup_bars` passed before the first decision.
    A metric that is not defined is None.
    """

    time: Ints
    equity: Floats
    drawdown: Floats
    position: Floats
    trades: Trades
    metrics: Mapping[str, float | int | None]
    warmup_bars: int
    warnings: tuple[str, ...]
    ruined: bool
    result_digest: str
