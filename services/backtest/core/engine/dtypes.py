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
    """What is to be done at the next open."""

    HOLD = 0
    EXIT = 1
    LONG = 2
    SHORT = 3


class ExitReason(IntEnum):
    """Why a trade ended, or that it has not."""

    OPEN = 0
    SIGNAL = 1
    REVERSE = 2
    RUIN = 3


class Status(IntEnum):
    """Whether a trade has ended."""

    OPEN = 0
    CLOSED = 1


class Rules(NamedTuple):
    """The numbers an execution obeys. `lot_size` 0 means any fraction of a unit."""

    initial_cash: float
    fraction: float
    fee_rate: float
    fee_fixed: float
    lot_size: float


class Account(NamedTuple):
    """What is owned: money, and units held since a fill (negative when short, 0 when flat)."""

    cash: float
    quantity: float
    entry_price: float
    entry_fee: float
    entry_bar: int


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
