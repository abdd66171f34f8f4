"""Compiles the sweep's kernel before the first sweep needs it."""

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.sweep.run import sweep
from services.backtest.core.sweep.space import Space
from shared.contracts.values import Execution


def warm_sweeps() -> None:
    """Compile the kernel, or load it from the cache: it is one for all strategies. Call it when a worker starts."""
    spec = check_spec({"params": {"n": {"type": "int", "default": 1}}, "entry_long": "close > n"})
    prices = np.array([1.0, 2.0, 3.0])
    bars = Bars(np.arange(3) * 86_400 * 10**9, prices, prices, prices, prices, prices)
    sweep(bars, Execution(), Space.read(spec, {"n": [1, 2]}))
