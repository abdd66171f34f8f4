"""What the trades were like: how many, how often right, how much each brought. Open trades do not count, fees do."""

import math

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Status
from services.backtest.core.metrics.spread import spread
from services.backtest.core.result import Trades


def measure_trades(trades: Trades) -> dict[str, float | int | None]:
    """The metrics of the closed trades.

    `trades` is their number, `win_rate` the share with a profit, `expectancy` the mean profit in money,
    `best_trade`, `worst_trade` and `avg_trade` returns as fractions, `avg_bars_held` a mean of bars. All but the
    number are None without a closed trade.
    """
    closed = trades.status == Status.CLOSED
    pnl, returns, bars = trades.pnl[closed], trades.return_[closed], trades.bars[closed]
    some = len(pnl) > 0
    return {
        "trades": len(pnl),
        "win_rate": float(np.mean(pnl > 0.0)) if some else None,
        "profit_factor": profit_factor(pnl),
        "expectancy": float(np.mean(pnl)) if some else None,
        "best_trade": float(np.max(returns)) if some else None,
        "worst_trade": float(np.min(returns)) if some else None,
        "avg_trade": float(np.mean(returns)) if some else None,
        "avg_bars_held": float(np.mean(bars)) if some else None,
        "sqn": sqn(pnl),
    }


def profit_factor(pnl: Floats) -> float | None:
    """The money won over the money lost; None when no trade lost."""
    lost = -float(np.sum(pnl[pnl < 0.0]))
    return float(np.sum(pnl[pnl > 0.0])) / lost if lost > 0.0 else None


def sqn(pnl: Floats) -> float | None:
    """sqrt(n) * mean(pnl) / std(pnl, ddof=1); None for fewer than two trades, or when all are the same.

    Source: V. Tharp, "Trade Your Way to Financial Freedom", system quality number, on money rather than multiples
    of risk.
    """
    deviation = spread(pnl)
    return math.sqrt(len(pnl)) * float(np.mean(pnl)) / deviation if deviation is not None else None
