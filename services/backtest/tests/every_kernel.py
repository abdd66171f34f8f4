"""`python -m services.backtest.tests.every_kernel`: warms up, does all that jobs do, and fails on what was not warm.

With `all` it also fails on a kernel of the engine that the warm-up does not come to, which can only be seen where all
are compiled: kernels that were kept hold the machine code of those they call.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from numba.core.dispatcher import Dispatcher

import services.backtest.core
from services.backtest.core.language import check_spec
from services.backtest.core.language.functions import PUBLIC, Role
from services.backtest.core.prefix import run_prefix_test
from services.backtest.core.run import run_backtest
from services.backtest.core.sweep.run import sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.strategies import walk
from services.backtest.warm_up import all_kernels, kernel_folders, warm_up
from shared.contracts.values import Execution

BARS = walk(120)
PARAMS = {
    "n": {"type": "int", "min": 2, "max": 9, "default": 3},
    "m": {"type": "int", "min": 2, "max": 9, "default": 5},
    "k": {"type": "float", "min": 0.01, "max": 1.0, "default": 0.5},
    "on": {"type": "bool", "default": True},
    "mode": {"type": "choice", "choices": ["calm", "wild"], "default": "calm"},
}
# What may stand in an argument's place: prices as they are, computed, lagged and as registers of the sweep's machine.
OPERANDS = {
    Role.SERIES: ("close", "volume", "hl2", "sma(close, n)", "open[1]", "close - k", "(high - low)[2]", "-low * k"),
    Role.VALUE: ("close", "2", "k", "sma(close, m)", "open[1]", "close * k", "n + 1"),
    Role.CONDITION: ("close > open", "on and close > k", "(high > low)[1]", "crossover(close, sma(close, n))"),
    Role.LENGTH: ("3", "n", "m + 1", "max(n, 4)"),
    Role.NUMBER: ("0.1", "k"),
}
VARIANTS = max(map(len, OPERANDS.values()))
STOPS: tuple[dict[str, Any], ...] = (
    {},
    {"stop_loss": "0.05", "take_profit": 0.1, "trailing_stop": "0.03"},
    {"stop_loss": "k / 10", "take_profit": "k", "trailing_stop": "k / 5"},
    {"stop_loss": "atr(n) / close", "take_profit": "2 * natr(5) / 100", "trailing_stop": "stddev(close, m) / close"},
)
SIZINGS: tuple[dict[str, Any], ...] = (
    {"method": "percent_equity", "value": 1},
    {"method": "fixed_quantity", "value": 2},
    {"method": "fixed_value", "value": 300.5},
    {"method": "volatility_target", "value": 0.2, "window": 5},
)
EXECUTIONS = (
    Execution(),
    Execution(initial_cash=1000, fill="close", side="long", fee_bps=10, fee_fixed=1, slippage_bps=5, lot_size=1),
    Execution(borrow_bps_per_year=50, stop_rule="target_first", close_at_end=True, side="short"),
)
GRIDS: tuple[tuple[dict[str, Any], dict[str, Any] | None], ...] = (
    ({"n": [2, 3], "m": [4, 6]}, None),
    ({"k": [0.02, 0.5]}, None),
    ({"on": [True, False], "mode": ["calm", "wild"]}, None),
    ({"n": {"min": 2, "max": 6}, "k": {"min": 0.1, "max": 0.9}}, {"n": 3}),
    ({}, None),
)


def calls() -> Iterator[str]:
    """A call of every function, each of its arguments in every form."""
    for name, function in PUBLIC.items():
        forms = [cycle(OPERANDS[argument.role]) for argument in function.arguments]
        for place, form in enumerate(forms):
            for _ in range(place):
                next(form)
        for _ in range(VARIANTS):
            yield f"{name}({', '.join(next(form) for form in forms)})"


def documents() -> Iterator[dict[str, Any]]:
    """Strategies with all these calls, and with every sort of stop and size."""
    stops, sizings = cycle(STOPS), cycle(SIZINGS)
    for call in calls():
        truth = PUBLIC[call.partition("(")[0]].unit == "true or false"
        entry = call if truth else f"{call} > 0 or {call} < k"
        yield {
            "params": PARAMS,
            "entry_long": entry,
            "exit_long": "close < sma(close, n)",
            "entry_short": "on and mode == 'wild'",
            **next(stops),
            "sizing": next(sizings),
        }


def kernels() -> dict[str, Any]:
    """Everything in the engine that numba compiles, by name."""
    package = services.backtest.core
    found = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "tests" not in module.name.split("."):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Dispatcher) and value.py_func.__module__ == module.name:
                    found[f"{module.name}.{name}"] = value
    return found


def work() -> None:
    """What jobs do: single runs, sweeps of all sorts of spaces, and now and then a prefix test."""
    executions, grids = cycle(EXECUTIONS), cycle(GRIDS)
    for number, document in enumerate(documents()):
        spec, execution = check_spec(document), next(executions)
        run_backtest(spec, BARS, {}, execution)
        # Of one byte of rows, every second: then combinations are run in batches.
        grid, sample = next(grids)
        sweep(BARS, execution, Space.read(spec, grid, sample), row_bytes=2**20 if number % 2 else 1)
        if number % 20 == 0:
            run_prefix_test(spec)


def main(sort: str) -> None:
    """Raises SystemExit with what is not warm."""
    if sort == "all":
        all_kernels()
    else:
        warm_up(lambda: None)
    everything = kernels()
    warm = {name: list(kernel.signatures) for name, kernel in everything.items()}
    if sort == "all" and (cold := [name for name, signatures in warm.items() if not signatures]):
        sys.exit(f"the warm-up does not come to {', '.join(cold)}")
    kept = {name: each.stats.cache_path for name, each in everything.items() if each.stats.cache_path}
    if strays := [name for name, folder in kept.items() if Path(folder) not in kernel_folders()]:
        sys.exit(f"the warm-up does not know the folder of {', '.join(strays)}")
    work()
    for name, kernel in everything.items():
        if new := [signature for signature in kernel.signatures if signature not in warm[name]]:
            sys.exit(f"a job called {name} with types that were not warm: {new}")


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
