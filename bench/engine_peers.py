"""The same work done by other libraries, which only this benchmark needs: backtesting.py and vectorbt.

They are imported when asked for: they are no part of any service.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from services.backtest.core.bars import Bars

Pairs = Sequence[tuple[int, int]]
CASH = 100_000.0
MILLION = 1e6


class Outcome(NamedTuple):
    """What every contender has to agree on for the first pair."""

    final_value: float
    trades: int


class Missing(Exception):
    """A library of the benchmark is not installed."""


def library(name: str) -> Any:  # noqa: ANN401  # these libraries have no types
    """Import a library of the benchmark. Raises Missing with what to install."""
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    try:
        return import_module(name)
    except ImportError as error:
        raise Missing(f"{name} is not installed; install the extra: pip install -e '.[bench]'") from error


def frame_of(bars: Bars) -> object:
    """The bars as both libraries take them."""
    columns = {name.capitalize(): getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    pandas = library("pandas")
    return pandas.DataFrame(columns, index=pandas.to_datetime(bars.time))


def vectorbt_portfolio(bars: Bars) -> Callable[[Pairs], Any]:
    """A function that runs pairs with vectorbt: signals of one bar are filled at the open of the next."""
    vectorbt, pandas = library("vectorbt"), library("pandas")
    index = pandas.to_datetime(bars.time)
    opens, closes = pandas.Series(bars.open, index), pandas.Series(bars.close, index)

    def run(pairs: Pairs) -> Any:  # noqa: ANN401  # a class of a library without types
        fast, slow = (vectorbt.MA.run(closes, [pair[side] for pair in pairs]) for side in (0, 1))
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        return vectorbt.Portfolio.from_signals(
            closes,
            entries.vbt.signals.fshift(1),
            exits.vbt.signals.fshift(1),
            price=opens,
            init_cash=CASH,
            freq="1D",
        )

    return run


def vectorbt_ten(bars: Bars) -> Callable[[Pairs], Outcome]:
    """A function that runs pairs with vectorbt and asks for the ten metrics of a sweep."""
    portfolio = vectorbt_portfolio(bars)

    def run(pairs: Pairs) -> Outcome:
        made = portfolio(pairs)
        final, trades = made.final_value(), made.trades
        made.total_return(), made.annualized_return(), made.annualized_volatility(), made.sharpe_ratio()
        made.sortino_ratio(), made.max_drawdown(), trades.win_rate(), trades.profit_factor()
        return Outcome(float(np.ravel(final)[0]), int(np.ravel(trades.closed.count())[0]))

    return run


def vectorbt_full(bars: Bars) -> Callable[[Pairs], Outcome]:
    """A function that runs one pair with vectorbt and asks for all the statistics it has of a portfolio."""
    portfolio = vectorbt_portfolio(bars)

    def run(pairs: Pairs) -> Outcome:
        made = portfolio(pairs)
        stats = made.stats(silence_warnings=True)
        made.returns_stats(silence_warnings=True)
        return Outcome(float(np.ravel(stats["End Value"])[0]), int(stats["Total Closed Trades"]))

    return run


def backtesting_runs(bars: Bars) -> Callable[[Pairs], Outcome]:
    """A function that runs pairs with backtesting.py, which computes all its statistics for each."""
    pandas, backtesting, lib = library("pandas"), library("backtesting"), library("backtesting.lib")

    def average(x: Sequence[float], n: int) -> object:
        return pandas.Series(x).rolling(n).mean()

    def init(self: Any) -> None:  # noqa: ANN401  # a class of a library without types
        self.f, self.s = (self.I(average, self.data.Close, n) for n in (self.fast, self.slow))

    def decide(self: Any) -> None:  # noqa: ANN401  # the same
        if lib.crossover(self.f, self.s):
            self.buy()
        elif lib.crossover(self.s, self.f):
            self.position.close()

    cross = type("Cross", (backtesting.Strategy,), {"fast": 10, "slow": 20, "init": init, "next": decide})
    # It deals in whole units: with so much money that is as good as fractions.
    test = backtesting.Backtest(frame_of(bars), cross, cash=CASH * MILLION)

    def run(pairs: Pairs) -> Outcome:
        made = [test.run(fast=fast, slow=slow) for fast, slow in pairs]
        return Outcome(float(made[0]["Equity Final [$]"]) / MILLION, int(made[0]["# Trades"]))

    return run
