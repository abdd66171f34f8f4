"""Strategies and bars for the sweep's tests."""

from typing import Any

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.language import CheckedSpec, check_spec

CROSS: dict[str, Any] = {
    "params": {
        "fast": {"type": "int", "min": 1, "max": 500, "default": 3},
        "slow": {"type": "int", "min": 1, "max": 500, "default": 8},
        "share": {"type": "float", "min": 0.0, "max": 1.0, "default": 0.5},
        "on": {"type": "bool", "default": True},
        "mode": {"type": "choice", "choices": ["calm", "wild"], "default": "calm"},
    },
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "crossover(f, s)",
    "exit_long": "crossunder(f, s)",
}


def cross(**changes: Any) -> CheckedSpec:
    """The cross of two averages, with keys of its document replaced."""
    return check_spec({**CROSS, **changes})


def walk(bars: int, seed: int = 1) -> Bars:
    """Daily bars of a random walk."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, bars)))
    opens = np.append(close[:1], close[:-1]) * np.exp(random.normal(0.0, 0.005, bars))
    return Bars(
        time=np.arange(bars, dtype=np.int64) * 86_400 * 10**9,
        open=opens,
        high=np.maximum(opens, close) * 1.01,
        low=np.minimum(opens, close) * 0.99,
        close=close,
        volume=np.floor(random.uniform(1.0, 1e6, bars)),
    )
