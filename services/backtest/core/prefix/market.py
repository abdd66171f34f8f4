"""Made-up bars on which rules of every sort come true: trends, jumps, gaps, flat stretches, bars without volume."""

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats

MINUTE = 60 * 10**9
MIDDLE, REACH = 100.0, 3.0
"""Prices stay between MIDDLE * exp(-REACH) and MIDDLE * exp(REACH), however many bars there are."""
STRETCH = 20
"""Bars that go on in one manner, on average."""
MANNERS = (0.0, 0.003, 0.01, 0.03)
"""Standard deviations of a bar's return, one for each stretch; with the first of them nothing moves."""


def made_up_bars(rng: np.random.Generator, size: int) -> Bars:
    """`size` bars a minute apart, prices to the cent so that ties are common."""
    stretch = np.cumsum(rng.random(size) < 1.0 / STRETCH)
    spread = rng.choice(MANNERS, size)[stretch]
    moving = spread > 0.0
    drift = rng.normal(0.0, 0.3, size)[stretch] * spread
    jumps = rng.normal(0.0, 0.25, size) * (rng.random(size) < 0.02)
    close = _prices(np.cumsum(drift + spread * rng.standard_normal(size) + jumps * moving))
    gaps = rng.normal(0.0, 0.03, size) * (moving & (rng.random(size) < 0.3))
    opened = np.round(np.concatenate([close[:1], close[:-1]]) * np.exp(gaps), 2)
    opened = np.where(moving, np.maximum(opened, 0.01), close)
    above, below = (rng.choice([0.0, 0.002, 0.02, 0.2], size) * moving for _ in range(2))
    return Bars(
        time=np.arange(size, dtype=np.int64) * MINUTE,
        open=opened,
        high=np.maximum(opened, close) * (1.0 + above),
        low=np.minimum(opened, close) * (1.0 - below),
        close=close,
        volume=np.round(rng.lognormal(10.0, 1.0, size)) * (rng.random(size) > 0.1),
    )


def _prices(walk: Floats) -> Floats:
    """The walk as prices, turned back wherever it would leave the range."""
    turned = np.abs((walk + REACH) % (4.0 * REACH) - 2.0 * REACH) - REACH
    return np.round(MIDDLE * np.exp(turned), 2)
