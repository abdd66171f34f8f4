"""What a combination asks for, bar by bar."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Bits, Floats, Orders
from services.backtest.core.engine.ordering import orders_of
from services.backtest.core.language import CheckedSpec, InvalidSpec, check_spec
from services.backtest.core.sweep import run
from services.backtest.core.sweep.combination_kernel import Setting, Work, set_singles
from services.backtest.core.sweep.grid import InvalidSpace
from services.backtest.core.sweep.machine import block_of, linked, run_program
from services.backtest.core.sweep.run import Sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.documents import documents, grids, market
from shared.contracts.values import Execution
from tests.depth import examples

BOTH = ("long", "short")


def _asked(space: Space, bars: Bars) -> dict[int, Orders]:
    """The orders of each valid combination, by its place: those that the kernel hands to the execution."""
    asked: dict[int, Orders] = {}

    def instead(work: Work, setting: Setting, numbers: Floats, flags: Bits, _: Floats) -> None:
        size, own, signals = len(bars), setting.code.copy(), np.empty(len(bars), np.uint8)
        for place, combination in enumerate(work.places.tolist()):
            outputs = np.full((4, size), np.nan)
            linked(setting.code, work.slots[place], setting.number_rows, own)
            set_singles(setting.targets, work.singles[place], numbers, flags, setting.lag, block_of(size))
            run_program(own, setting.histories, numbers, flags, setting.lag, signals, outputs)
            asked[combination] = Orders(
                signals.copy(), *(outputs[term, : setting.terms[term] * size] for term in range(4))
            )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run_combinations", instead)
        Sweep(bars, Execution(), space).run(0, space.stop)
    return asked


def _check(spec: CheckedSpec, space: Space, bars: Bars) -> int:
    combinations, asked = space.combinations(0, space.stop), _asked(space, bars)
    for place, orders in asked.items():
        own = orders_of(spec.bind(combinations.params(place)), bars, BOTH)
        np.testing.assert_array_equal(orders.signals, own.signals)
        for ours, theirs in zip(orders[1:], own[1:], strict=True):
            np.testing.assert_array_equal(ours, np.broadcast_to(theirs, ours.shape))
    return len(asked)


@settings(deadline=None, max_examples=examples(60))
@given(documents, grids, st.integers(0, 2**32), st.integers(1, 60))
def test_signals_and_terms_are_those_of_the_bound_strategy(
    document: dict[str, Any], grid: dict[str, Any], seed: int, size: int
) -> None:
    """On every bar, those before the first decision included."""
    try:
        spec = check_spec(document)
        space = Space.read(spec, grid)
    except (InvalidSpec, InvalidSpace):
        assume(False)
    _check(spec, space, market(seed, size))


@pytest.mark.parametrize(
    "rule",
    [
        "f > s and s > f[1]",
        "(s < f) and not (f <= s)",
        "(f > s)[1] or (s > f)[2]",
        "(s >= f and f[1] < s[1]) or (s <= f and f[1] > s[1])",
        "f == s or s != f",
        "(f - s)[3] > 0 and (f - s)[1] < (s - f)[2]",
        "close / (f - s) > 1 or (f - s) * 1e308 * (f + s) < 1",
        "-f / (f - s) != 0 - 1",
        "(not (f > s))[2] and not (not (f > s))[1]",
        "min(f, s) == max(f, s)[2] or abs(f - s)[1] > sqrt(s - f) or sign(f - s) < 0",
        "f > k and k < s and k > s[2] and (k < s)[1]",
        "(on and f > s) or (mode == 'slow' and f < s)[1]",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 50, 2561, 6000])
def test_each_way_to_write_a_rule(rule: str, size: int) -> None:
    """Sides exchanged, lags within and without, infinite numbers, single values; in one block and over several."""
    spec = check_spec(
        {
            "params": {
                **{name: {"type": "int", "min": 1, "default": n} for name, n in (("a", 2), ("b", 3))},
                "k": {"type": "float", "default": 5.0},
                "on": {"type": "bool", "default": True},
                "mode": {"type": "choice", "choices": ["fast", "slow"], "default": "slow"},
            },
            "let": {"f": "sma(close, a)", "s": "sma(close, b)"},
            "entry_long": rule,
            "exit_long": f"not ({rule})",
            "stop_loss": "f / (f - s)",
            "take_profit": "k",
            "trailing_stop": "abs(f - s)[1]",
        }
    )
    grid = {"a": [1, 2, 4], "b": [1, 3], "k": [3.0, 6.5], "on": [True, False], "mode": ["fast", "slow"]}
    assert _check(spec, Space.read(spec, grid), market(size, size)) == 48
