"""The sweeps' ten metrics in plain numpy, straight from their definitions: what the engine's kernel must agree with."""

import math

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ten


def plain_ten(equity: Floats, initial_cash: float, pnl: Floats, year: float, days: float) -> Ten:
    """The ten of an equity curve and the profits of its closed trades; `year` is the bars in one."""
    with np.errstate(all="ignore"):
        alive = equity[:-1] > 0.0
        returns = equity[1:][alive] / equity[:-1][alive] - 1.0
        growth = equity[-1] / initial_cash
        peaks = np.maximum(np.maximum.accumulate(equity), initial_cash)
        mean = returns.mean() if len(returns) else math.nan
        deviation = returns.std(ddof=1) if len(returns) > 1 else math.nan
        least = 1e-12 * max(abs(mean), 1e-3)
        downside = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)) if len(returns) else 0.0
        lost = -pnl[pnl < 0.0].sum()
        return Ten(
            final_value=float(equity[-1]),
            total_return=float(growth - 1.0),
            cagr=float(np.float64(growth) ** (365.25 / days) - 1.0) if days > 0.0 else math.nan,
            volatility=float(deviation * math.sqrt(year)),
            sharpe=float(mean / deviation * math.sqrt(year)) if deviation > least else math.nan,
            sortino=float(mean / downside * math.sqrt(year)) if downside > least else math.nan,
            max_drawdown=float(fall) if (fall := (equity / peaks - 1.0).min()) < -1e-14 else 0.0,
            trades=len(pnl),
            win_rate=float((pnl > 0.0).mean()) if len(pnl) else math.nan,
            profit_factor=float(pnl[pnl > 0.0].sum() / lost) if lost > 0.0 else math.nan,
        )
