"""Executions of a few bars, for tests that work them out by hand."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from services.backtest.core.engine.dtypes import TRADE, Book, ExitReason, Market, Orders, Outcome, Rules, Signal
from services.backtest.core.engine.simulate import simulate

EL, XL, ES, XS = (signal.value for signal in Signal)
FREE = Rules(100.0, 0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, at_close=False, target_first=False, close_at_end=False)
"""100 in cash, all of it in each position, nothing costs anything, filled at the next open."""

Bar = tuple[float, float, float, float]


class Done(NamedTuple):
    """An execution and what it left."""

    outcome: Outcome
    book: Book

    def trades(self, *names: str) -> list[tuple[Any, ...]]:
        """These fields of each trade, the reason by its name."""
        rows = self.book.trades[: self.outcome.trades]
        return [tuple(ExitReason(r[n]).name if n == "exit_reason" else r[n].item() for n in names) for r in rows]

    @property
    def equity(self) -> list[float]:
        """The equity at each close."""
        return [float(value) for value in self.book.equity]


def execute(bars: Sequence[float | Bar], signals: list[int], start: int = 0, **given: Any) -> Done:
    """Run `signals` over bars of (open, high, low, close), or of one price each.

    The stops are a number or one for each bar; `years` pass between two bars; all else are fields of Rules.
    """
    columns = np.array([bar if isinstance(bar, tuple) else (bar,) * 4 for bar in bars], np.float64).T
    years = np.full(len(bars), given.pop("years", 0.0))
    names = ("stop_loss", "take_profit", "trailing_stop", "volatility")
    terms = (read_only(np.atleast_1d(given.pop(name, ()))) for name in names)
    market = Market(*(read_only(column) for column in (*columns, years)))
    book = Book(np.full(len(bars), np.nan), np.full(len(bars), np.nan), np.empty(len(bars) + 1, TRADE))
    orders = Orders(read_only(signals, np.uint8), *terms)
    return Done(simulate(market, orders, start, FREE._replace(**given), book), book)


def read_only(values: Any, dtype: Any = np.float64) -> Any:
    """`values` as the kernels take them."""
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array
