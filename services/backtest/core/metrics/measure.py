"""All metrics of a run, by their names."""

import math
from collections.abc import Callable

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints, Ten
from services.backtest.core.metrics.activity import exposure, turnover
from services.backtest.core.metrics.benchmark import alpha, beta, information_ratio, tracking_error
from services.backtest.core.metrics.drawdown import longest_drawdown
from services.backtest.core.metrics.ratios import calmar, omega
from services.backtest.core.metrics.returns import bar_returns, paired_returns
from services.backtest.core.metrics.shape import shape
from services.backtest.core.metrics.significance import probabilistic_sharpe
from services.backtest.core.metrics.spread import magnitude
from services.backtest.core.metrics.tail import tail
from services.backtest.core.metrics.trading import measure_trades
from services.backtest.core.result import Trades
from shared.contracts.metrics import METRICS

Values = dict[str, float | int | None]


def measure(
    *,
    time: Ints,
    bars_per_year: float | None,
    days: float,
    equity: Floats,
    drawdowns: Floats,
    position: Floats,
    trades: Trades,
    ten: Ten,
    benchmark: Floats,
    traded: float,
    fees_paid: float,
    slippage_paid: float,
    between: Callable[[], None] = lambda: None,
) -> Values:
    """The metrics of a run, every one of METRICS and in their order; what is not defined is None.

    The four arrays and `benchmark`, the equity of buying and holding, have the shape (bars,); `days` are those from the
    first bar to the last. `ten` are those that sweeps compute, NaN where undefined. `traded` is the worth of all fills,
    in money as are the two costs. `between` is called between what takes long; what it raises ends the work.
    """
    with np.errstate(all="ignore"):  # what overflows is not a number, and so not defined
        values: Values = {
            **ten._asdict(),
            "trades": int(ten.trades),
            "bars_per_year": bars_per_year,
            **_below(drawdowns, time),
            "calmar": calmar(_finite(ten.cagr), ten.max_drawdown),
            **measure_trades(trades),
            "exposure": exposure(position),
            "turnover": turnover(traded, equity, days),
            "fees_paid": fees_paid,
            "slippage_paid": slippage_paid,
        }
        between()
        values |= _of_returns(_sound(bar_returns(equity)), ten.sharpe, bars_per_year, between)
        between()
        values |= _beside(*paired_returns(equity, benchmark), bars_per_year, between)
    return {metric.name: _finite(values[metric.name]) for metric in METRICS}


def _below(drawdowns: Floats, time: Ints) -> Values:
    bars, days = longest_drawdown(drawdowns, time)
    return {"max_drawdown_bars": bars, "max_drawdown_days": days}


def _of_returns(returns: Floats, sharpe: float, year: float | None, between: Callable[[], None]) -> Values:
    at_risk, shortfall = tail(returns)
    between()
    skew, kurtosis = shape(returns)
    psr = None
    if skew is not None and kurtosis is not None and year is not None:
        psr = probabilistic_sharpe(sharpe / math.sqrt(year), len(returns), skew, kurtosis)
    return {
        "omega": omega(returns),
        "var_95": at_risk,
        "cvar_95": shortfall,
        "skew": skew,
        "kurtosis": kurtosis,
        "psr": psr,
    }


def _beside(returns: Floats, benchmark: Floats, year: float | None, between: Callable[[], None]) -> Values:
    if len(_sound(returns)) == 0 or len(_sound(benchmark)) == 0:
        return dict.fromkeys(("alpha", "beta", "information_ratio", "tracking_error"))
    slope = beta(returns, benchmark)
    between()
    return {
        "alpha": alpha(returns, benchmark, slope, year),
        "beta": slope,
        "information_ratio": information_ratio(returns, benchmark, year),
        "tracking_error": tracking_error(returns, benchmark, year),
    }


def _sound(returns: Floats) -> Floats:
    """The returns, or none at all when one is too large for a number: nothing can be said of such a curve."""
    return returns if len(returns) and math.isfinite(magnitude(returns)) else returns[:0]


def _finite(value: float | int | None) -> float | int | None:
    return value if value is not None and math.isfinite(value) else None
