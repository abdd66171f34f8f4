"""No job waits for the compiler."""

import subprocess
import sys
from pathlib import Path

EVERY_FUNCTION = """
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.engine.tests.expressions import call, random_bars, values
from services.backtest.core.engine.warm import warm_kernels
from services.backtest.core.language.functions import PUBLIC

def compiled():
    return {name: list(kernel.signatures) for name, kernel in KERNELS.items()}

warm_kernels()
before, bars = compiled(), random_bars(50)
for name in PUBLIC:
    for series in (("close", "open"), ("sma(close, 2)", "open[1]")):
        values(call(name, (3, 2), series), bars)
for name in ("min", "max"):
    values(f"{name}(close, 3)", bars), values(f"{name}(3, close)", bars)
assert all(before.values())
assert compiled() == before
"""


def test_a_warm_engine_has_compiled_every_function() -> None:
    """After warming up no function adds a signature to any kernel, whatever it is given."""
    subprocess.run([sys.executable, "-c", EVERY_FUNCTION], cwd=Path(__file__).parents[5], check=True)
