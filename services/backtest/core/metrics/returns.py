"""Returns between bar closes, of the run alone and beside its benchmark."""

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.spread import magnitude, spread

TINY = 1e-3
"""Below it a return's rounding, which is that of a ratio near 1, does not shrink with the return."""


def bar_returns(equity: Floats) -> Floats:
    """r_t = E_t / E_(t-1) - 1, one fewer than bars. After ruin there is nothing to have a return on."""
    before, after = equity[:-1], equity[1:]
    if equity[-1] > 0.0:  # an equity that has reached 0 stays there
        return after / before - 1.0
    alive = before > 0.0
    return after[alive] / before[alive] - 1.0


def paired_returns(equity: Floats, benchmark: Floats) -> tuple[Floats, Floats]:
    """The returns of both on the same bars: those before which neither was ruined."""
    if equity[-1] > 0.0 and benchmark[-1] > 0.0:
        return bar_returns(equity), bar_returns(benchmark)
    alive = (equity[:-1] > 0.0) & (benchmark[:-1] > 0.0)
    bars = int(alive.sum()) + 1
    return bar_returns(equity[:bars]), bar_returns(benchmark[:bars])


def variation(returns: Floats) -> float | None:
    """The spread of returns; None when they differ by no more than their rounding, or are fewer than two."""
    return spread(returns, max(magnitude(returns), TINY)) if len(returns) else None
