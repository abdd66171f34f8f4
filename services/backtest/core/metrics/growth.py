"""Growth: what became of the money."""

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.metrics.annualisation import DAYS_PER_YEAR, days_between


def total_return(final_value: float, initial_cash: float) -> float:
    """E_n / E_0 - 1."""
    return final_value / initial_cash - 1.0


def cagr(final_value: float, initial_cash: float, time: Ints) -> float | None:
    """(E_n / E_0)^(365.25 / days) - 1, by the calendar; None when no time passes, or too little to say."""
    days = days_between(time)
    if days == 0.0:
        return None
    try:
        return float((final_value / initial_cash) ** (DAYS_PER_YEAR / days)) - 1.0
    except OverflowError:
        return None
