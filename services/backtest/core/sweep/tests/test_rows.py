"""Series that combinations share."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.backtest.core.engine import evaluate
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.language import check_spec
from services.backtest.core.language.tree import Op
from services.backtest.core.sweep import run
from services.backtest.core.sweep.recipes import Recipes
from services.backtest.core.sweep.result import concatenated
from services.backtest.core.sweep.run import Sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.strategies import cross, walk
from shared.contracts.values import Execution

BARS = walk(200)
GRID = {"fast": [2, 3, 5, 8], "slow": [5, 8, 13, 21, 34]}
INDICATORS = {"f": "ema(sma(close, fast), slow)", "s": "sma(close, slow - fast + 7)"}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[Any, ...]]:
    """How often each function was computed, by its name and numbers."""
    seen: Counter[tuple[Any, ...]] = Counter()

    def counted(name: str, kernel: Callable[..., Floats]) -> Callable[..., Floats]:
        def call(*given: Any) -> Floats:
            seen[name, *(one if not isinstance(one, np.ndarray) else hash(one.tobytes()) for one in given)] += 1
            return kernel(*given)

        return call

    monkeypatch.setattr(evaluate, "KERNELS", {name: counted(name, kernel) for name, kernel in KERNELS.items()})
    return seen


def test_every_distinct_series_is_computed_once(calls: Counter[tuple[Any, ...]]) -> None:
    """However many combinations, places in the strategy and slices ask for it."""
    space = Space.read(cross(let={**INDICATORS, "t": "sma(close, fast)"}, exit_long="f < t"), GRID)
    whole = Sweep(BARS, Execution(), space)
    for start in range(0, space.stop, 3):
        whole.run(start, min(start + 3, space.stop))
    assert set(calls.values()) == {1}
    averages = set(GRID["fast"]) | {slow - fast + 7 for slow in GRID["slow"] for fast in GRID["fast"]}
    assert sorted(length for name, _, length in calls if name == "sma") == sorted(averages)
    assert sum(name == "ema" for name, *_ in calls) == 20


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 12])
def test_less_room_makes_no_difference(rows: int) -> None:
    """With few rows at a time the numbers are the same, and no more rows are kept than allowed."""
    space = Space.read(cross(let=INDICATORS), GRID)
    roomy = Sweep(BARS, Execution(), space).run(0, space.stop)
    narrow = Sweep(BARS, Execution(), space, row_bytes=rows * (len(BARS) + 1) * 8)
    np.testing.assert_array_equal(narrow.run(0, space.stop).metrics, roomy.metrics)
    # The two of one combination have to fit in any case.
    assert narrow.row_bytes_taken <= max(rows, 2) * (len(BARS) + 1) * 8


def test_to_forget_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many different series all are forgotten, and those that are asked for again are computed again."""
    space = Space.read(cross(let=INDICATORS), GRID)
    whole = Sweep(BARS, Execution(), space).run(0, space.stop)
    monkeypatch.setattr(run, "RECIPES_MOST", 5)
    forgetful = Sweep(BARS, Execution(), space)
    parts = [forgetful.run(start, start + 4) for start in range(0, 20, 4)]
    np.testing.assert_array_equal(concatenated(parts).metrics, whole.metrics)


def test_a_narrow_sweep_goes_by_squares(calls: Counter[tuple[Any, ...]]) -> None:
    """With room for 10 of 40 rows, 400 combinations compute each row 4 times, not 20."""
    space = Space.read(cross(), {"fast": list(range(2, 22)), "slow": list(range(102, 122))})
    Sweep(BARS, Execution(), space, row_bytes=10 * (len(BARS) + 1) * 8).run(0, space.stop)
    assert max(calls.values()) <= 4


def test_numbers_and_series_are_not_mixed_up() -> None:
    """The third series and the number 3 are different operands, although one is named by the other."""
    spec = check_spec(
        {
            "params": {"n": {"type": "int", "min": 1, "default": 1}, "k": {"type": "float", "default": 0.0}},
            "entry_long": "ema(max(sma(close, n), k), 2) > ema(max(k, sma(close, n)), 2)",
        }
    )
    nodes = spec.tree.nodes
    series, single = ((Op.CALL, "sma"), (Op.PARAM, "k"))
    sma, k = (next(p for p, node in enumerate(nodes) if (node.op, node.name) == wanted) for wanted in (series, single))
    first, second = (p for p, node in enumerate(nodes) if node.name == "max")
    n, close = nodes[sma].args[1], nodes[sma].args[0]
    recipes = Recipes(nodes, {close})
    values = {n: [1.0, 2.0], k: [0.0, 1.0]}
    made = [recipes.numbers(sorted((close, n, sma, k, place)), values, 2) for place in (first, second)]
    assert len({*made[0], *made[1]}) == 4
    assert [recipes[number].is_series for number in (*made[0], *made[1])] == [(True, False)] * 2 + [(False, True)] * 2
