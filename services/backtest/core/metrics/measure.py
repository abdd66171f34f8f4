"""All metrics of a run, by their names."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.metrics.annualisation import bars_per_year
from services.backtest.core.metrics.drawdown import max_drawdown_bars
from services.backtest.core.metrics.growth import cagr, total_return
from services.backtest.core.metrics.ratios import bar_returns, calmar, sharpe, sortino, volatility
from services.backtest.core.metrics.trading import measure_trades
from services.backtest.core.result import Trades


def measure(
    time: Ints, equity: Floats, drawdowns: Floats, position: Floats, trades: Trades, initial_cash: float
) -> dict[str, float | int | None]:
    """The metrics of a run; the first four arrays have the shape (bars,).

    Ratios are fractions, `final_value`, `expectancy` and `fees_paid` money. `bars_per_year` is what the annual ones
    were annualised with. `fees_paid` includes those of a trade that is still open.
    """
    final, year, returns = float(equity[-1]), bars_per_year(time), bar_returns(equity)
    growth, worst = cagr(final, initial_cash, time), float(np.min(drawdowns))
    return {
        "final_value": final,
        "total_return": total_return(final, initial_cash),
        "cagr": growth,
        "bars_per_year": year,
        "volatility": volatility(returns, year),
        "sharpe": sharpe(returns, year),
        "sortino": sortino(returns, year),
        "max_drawdown": worst,
        "max_drawdown_bars": max_drawdown_bars(drawdowns),
        "calmar": calmar(growth, worst),
        "exposure": float(np.count_nonzero(position)) / len(position),
        **measure_trades(trades),
        "fees_paid": float(np.sum(trades.fees)),
    }
