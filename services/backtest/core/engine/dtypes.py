"""The types that arrays and records have in the engine, and the codes that stand in them."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]
Records = NDArray[np.void]


class Signal(IntEnum):
    """The bits of a bar's signals: which of the strategy's rules hold at its close."""

    ENTRY_LONG = 1
    EXIT_LONG = 2
    ENTRY_SHORT = 4
    EXIT_SHORT = 8


class Order(IntEnum):
    """What is to be done at the next fill."""

    HOLD = 0
    EXIT = 1
    LONG = 2
    SHORT = 3


class SizeMethod(IntEnum):
    """What decides how many units an entry takes."""

    PERCENT_EQUITY = 0
    FIXED_QUANTITY = 1
    FIXED_VALUE = 2
    VOLATILITY_TARGET = 3


class ExitReason(IntEnum):
    """Why a trade ended, or that it has not."""

    OPEN = 0
    SIGNAL = 1
    REVERSE = 2
    RUIN = 3
    STOP_LOSS = 4
    TAKE_PROFIT = 5
    TRAILING_STOP = 6
    END = 7


class Status(IntEnum):
    """Whether a trade has ended."""

    OPEN = 0
    CLOSED = 1


class Market(NamedTuple):
    """Bars, columns of the shape (bars,); `years` is the time from the bar before to each, in years of 365.25 days."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    years: Floats


class Orders(NamedTuple):
    """What a strategy asks for.

    `signals` has the shape (bars,), in bits of Signal. The others are (0,) for none, (1,) for the same on every bar,
    or (bars,): stops and targets as fractions of the fill price, and the standard deviation of the last returns of a
    bar, for `volatility_target`.
    """

    signals: Bits
    stop_loss: Floats
    take_profit: Floats
    trailing_stop: Floats
    volatility: Floats


class Rules(NamedTuple):
    """What an execution obeys; costs are fractions of the traded value, `borrow_rate` one of a year.

    `size_method` is a code of SizeMethod, `size` its value: a share of equity, units, money, or the standard deviation
    of a bar's return aimed at. `lot_size` 0 means any fraction of a unit. With `at_close` an order is filled at the
    close that decided it, else at the next open.
    """

    initial_cash: float
    size_method: int
    size: float
    lot_size: float
    fee_rate: float
    fee_fixed: float
    slippage: float
    borrow_rate: float
    at_close: bool
    target_first: bool
    close_at_end: bool


class Terms(NamedTuple):
    """What a strategy asks for on the bar that decides an entry; infinite for what it does not. See Orders."""

    stop_loss: float
    take_profit: float
    trailing_stop: float
    volatility: float


class Account(NamedTuple):
    """What is owned: money, and units held since a fill (negative when short, 0 when flat).

    `costs` are the fees and the borrowing that the trade has paid so far. `stop`, `target`, `best` are prices seen in
    the trade's direction: as they are when long, with the sign turned when short, so that more is always better;
    `trail` is how far the trailing stop follows `best`. What the trade has not got is out of reach: infinite.
    """

    cash: float
    quantity: float
    entry_price: float
    entry_bar: int
    costs: float
    stop: float
    target: float
    trail: float
    best: float


class Book(NamedTuple):
    """Room for what an execution writes, reused from one to the next.

    `equity` has the shape (bars,), `position` too, or (0,) when nobody wants it; `trades` has the dtype TRADE and at
    least bars + 1 rows.
    """

    equity: Floats
    position: Floats
    trades: Records


class Outcome(NamedTuple):
    """What an execution comes to, beside what stands in its book.

    `trades` is how many there are, one still open the last of them; `ruin_bar` is -1 unless the equity fell to 0.
    Entries not filled are counted by their cause: `too_small` for a lot or for the fee, `too_dear` for the equity,
    `unstopped` for want of a stop above 0. `traded` is the worth of all fills, `slippage` what they lost by it.
    """

    trades: int
    ruin_bar: int
    too_small: int
    too_dear: int
    unstopped: int
    traded: float
    slippage: float


class Ten(NamedTuple):
    """The ten metrics that every combination of a sweep has too; NaN is undefined. See `ten`."""

    final_value: float
    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    max_drawdown: float
    trades: float
    win_rate: float
    profit_factor: float


TRADE = np.dtype(
    [
        ("side", np.int64),  # 1 long, -1 short
        ("quantity", np.float64),
        ("entry_bar", np.int64),
        ("entry_price", np.float64),
        ("exit_bar", np.int64),
        ("exit_price", np.float64),
        ("pnl", np.float64),
        ("fees", np.float64),
        ("exit_reason", np.int64),
        ("status", np.int64),
    ]
)
"""One trade. While it is open, the exit is the last close, and the profit is what it would be there."""
