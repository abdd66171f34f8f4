"""What the trades were like: how much each brought. Open trades do not count."""

import math

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Status
from services.backtest.core.metrics.spread import spread
from services.backtest.core.result import Trades


def measure_trades(trades: Trades) -> dict[str, float | None]:
    """The metrics of the closed trades, all None without one. Their number, `win_rate` and `profit_factor` are
    among the sweeps' ten, which the engine's own kernel makes.

    `expectancy` is money, `expectancy_pct`, `best_trade`, `worst_trade` and `avg_trade` are returns as fractions,
    `avg_bars_held` is bars.
    """
    closed = trades.status == Status.CLOSED
    pnl, returns, bars = trades.pnl[closed], trades.return_[closed], trades.bars[closed]
    if len(pnl) == 0:
        return dict.fromkeys(_NAMES)
    mean = float(returns.mean())
    values = (
        float(pnl.mean()),
        mean,
        payoff(pnl),
        float(returns.max()),
        float(returns.min()),
        mean,
        float(bars.mean()),
        sqn(pnl),
    )
    return dict(zip(_NAMES, values, strict=True))


_NAMES = (
    "expectancy", "expectancy_pct", "payoff", "best_trade", "worst_trade", "avg_trade", "avg_bars_held", "sqn",
)  # fmt: skip


def payoff(pnl: Floats) -> float | None:
    """The mean profit of the trades that won over the mean loss of those that lost, in money; None without either."""
    won, lost = pnl[pnl > 0.0], pnl[pnl < 0.0]
    return float(won.mean()) / -float(lost.mean()) if len(won) and len(lost) else None


def sqn(pnl: Floats) -> float | None:
    """sqrt(n) * mean(pnl) / std(pnl, ddof=1); None for fewer than two trades, or when all are the same.

    Source: V. Tharp, "Trade Your Way to Financial Freedom", system quality number, on money rather than multiples
    of risk.
    """
    deviation = spread(pnl)
    return math.sqrt(len(pnl)) * float(np.mean(pnl)) / deviation if deviation is not None else None
