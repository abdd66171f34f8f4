"""Compiles the kernels before the first job needs them."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from services.backtest.core.engine.dtypes import TRADE, Book, Flags, Floats, Market, Orders, Rules
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.engine.simulate import simulate
from services.backtest.core.engine.ten import ten
from services.backtest.core.language.functions import FUNCTIONS, Role

Given = tuple[Floats | Flags | int | float, ...]


def warm_kernels() -> None:
    """Compile every kernel, or load it from the cache, for the types a run calls it with.

    Takes seconds the first time on a machine and a fraction of one after that; call it when a worker starts.
    """
    for name, kernel in KERNELS.items():
        for given in _arguments(name):
            kernel(*given)
    _run()


def _run() -> None:
    prices, none, signals = np.array([1.0, 2.0, 3.0]), np.empty(0), np.zeros(3, np.uint8)
    for array in (prices, none, signals):
        array.flags.writeable = False
    rules = Rules(100.0, 0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, at_close=False, target_first=False, close_at_end=False)
    book = Book(np.empty(3), np.empty(3), np.empty(4, TRADE))
    market, orders = Market(prices, prices, prices, prices, prices), Orders(signals, none, none, none, none)
    ten(book, simulate(market, orders, 1, rules, book), rules.initial_cash, 252.0, 3.0)


def _arguments(name: str) -> Iterator[Given]:
    """Arguments of every combination of types that a primitive function may be called with."""
    prices, held = np.array([1.0, 2.0, 3.0]), np.array([True, False, True])
    for series in (prices, held):
        series.flags.writeable = False
    choices: dict[Role, Given] = {
        Role.SERIES: (prices,),
        Role.VALUE: (prices, 0.5),
        Role.CONDITION: (held,),
        Role.LENGTH: (2,),
        Role.NUMBER: (0.5,),
    }
    for given in product(*(choices[argument.role] for argument in FUNCTIONS[name].arguments)):
        # Single numbers alone are worked out before any bar is looked at.
        if any(isinstance(value, np.ndarray) for value in given):
            yield given
