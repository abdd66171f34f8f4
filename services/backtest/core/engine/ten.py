"""The ten metrics that single runs and sweeps share, to the bit."""

import math

from services.backtest.core.engine.dtypes import Book, Outcome, Records, Status, Ten
from services.backtest.core.engine.equity_sums import Sums, deepest, extended
from services.backtest.core.engine.jit import inlined, kernel

CLOSED = Status.CLOSED.value
DAYS_PER_YEAR = 365.25
ROUNDING, SMALL = 1e-12, 1e-3
"""A deviation below ROUNDING of the mean return, or of SMALL when that is more, is what rounding leaves of none, and so
is a downside."""


@kernel
def ten(book: Book, outcome: Outcome, initial_cash: float, bars_per_year: float, days: float) -> Ten:
    """The metrics of what `simulate` left in `book`; NaN for the undefined, what is too large for a number included.

    `final_value` is the last equity, `total_return` E_n / E_0 - 1, `cagr` (E_n / E_0)^(365.25 / days) - 1. Of the
    returns r between closes, none after ruin: `volatility` std(r, ddof 1) * sqrt(A), `sharpe` mean(r) / std(r) *
    sqrt(A), `sortino` mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(A), A being `bars_per_year`. `max_drawdown` is a
    fraction <= 0 with the initial cash included. `trades` are the closed ones, `win_rate` the share of them with a
    profit, `profit_factor` the money won over the money lost.

    Only bars on which something was held are looked at: on all others the equity stays what it is. The sums are of
    returns less the first one, so that returns that are all alike do not differ by rounding.
    """
    equity, trades = book.equity, book.trades[: outcome.trades]
    returns = len(equity) - 1 if outcome.ruin_bar < 0 else outcome.ruin_bar
    shift = equity[1] / equity[0] - 1.0 if returns > 0 else 0.0
    sums, seen = Sums(0, 0.0, 0.0, 0.0, initial_cash, initial_cash, 0.0), 0
    for row in range(len(trades)):
        stop = trades[row]["exit_bar"] + 1
        sums = extended(sums, equity, max(trades[row]["entry_bar"], seen), stop, shift)
        seen = stop
    final = equity[-1]
    growth = final / initial_cash
    volatility, sharpe, sortino = _ratios(sums, shift, returns, bars_per_year)
    count, win_rate, profit_factor = _trading(trades)
    return Ten(
        final,
        growth - 1.0,
        _finite(growth ** (DAYS_PER_YEAR / days) - 1.0) if days > 0.0 else math.nan,
        _finite(volatility),
        _finite(sharpe),
        _finite(sortino),
        deepest(sums),
        count,
        win_rate,
        _finite(profit_factor),
    )


@inlined
def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


@inlined
def _ratios(sums: Sums, shift: float, returns: int, bars_per_year: float) -> tuple[float, float, float]:
    """Volatility, Sharpe and Sortino ratio of `returns` returns, those that are not in `sums` being 0."""
    if returns == 0:
        return math.nan, math.nan, math.nan
    still, year = returns - sums.returns, math.sqrt(bars_per_year)
    moved, squared = sums.moved - still * shift, sums.squared + still * shift * shift
    mean, downside = shift + moved / returns, math.sqrt(sums.lost / returns)
    least = ROUNDING * max(abs(mean), SMALL)
    sortino = mean / downside * year if downside > least else math.nan
    if returns == 1:
        return math.nan, math.nan, sortino
    deviation = math.sqrt(max(squared - moved * moved / returns, 0.0) / (returns - 1))
    return deviation * year, mean / deviation * year if deviation > least else math.nan, sortino


@inlined
def _trading(trades: Records) -> tuple[float, float, float]:
    """How many trades were closed, the share of them with a profit, and the money won over the money lost."""
    count, wins, won, lost = 0, 0, 0.0, 0.0
    for row in range(len(trades)):
        if trades[row]["status"] == CLOSED:
            pnl = trades[row]["pnl"]
            count += 1
            wins += pnl > 0.0
            won += max(pnl, 0.0)
            lost += max(-pnl, 0.0)
    return float(count), wins / count if count > 0 else math.nan, won / lost if lost > 0.0 else math.nan
