"""Compiles the kernels before the first job needs them."""

import numpy as np

from services.backtest.core.engine.dtypes import Rules
from services.backtest.core.engine.execute import execute
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.language.functions import FUNCTIONS, Role


def warm_kernels() -> None:
    """Compile every kernel, or load it from the cache, for the types a run calls it with.

    Takes seconds the first time on a machine and a fraction of one after that; call it when a worker starts.
    """
    prices = np.array([1.0, 2.0, 3.0])
    prices.flags.writeable = False
    for name, kernel in KERNELS.items():
        arguments = (2 if argument.role is Role.LENGTH else prices for argument in FUNCTIONS[name].arguments)
        kernel(*arguments)
    signals = np.zeros(3, np.uint8)
    signals.flags.writeable = False
    execute(prices, prices, signals, 1, Rules(100.0, 1.0, 0.0, 0.0, 0.0))
