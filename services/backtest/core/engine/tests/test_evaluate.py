"""Walking a strategy over the bars."""

from collections.abc import Callable

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.engine import evaluate
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.language import check_spec

CLOSE = np.array([4.0, 2.0, 3.0, 5.0, 1.0, 6.0])
BARS = Bars(np.arange(6) * 10**9, CLOSE + 1.0, CLOSE + 2.0, CLOSE - 0.5, CLOSE, np.ones(6))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("hl2", (BARS.high + BARS.low) / 2),
        ("hlc3", (BARS.high + BARS.low + BARS.close) / 3),
        ("ohlc4", (BARS.open + BARS.high + BARS.low + BARS.close) / 4),
        ("volume", BARS.volume),
    ],
)
def test_the_series_are_what_their_names_say(series: str, expected: Floats) -> None:
    """A series in an expression is the bars' column, or the mean of those its name lists."""
    spec = check_spec({"entry_long": f"{series} > 1"}).bind()
    part = next(position for position, node in enumerate(spec.nodes) if node.name == series)
    np.testing.assert_array_equal(np.asarray(evaluate.evaluate(spec.nodes, [part], BARS)[part]), expected)


def test_each_distinct_part_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often an average is written, in whichever rule, its kernel runs once."""
    calls: list[int] = []

    def counted(kernel: Callable[..., Floats]) -> Callable[..., Floats]:
        return lambda x, n: calls.append(n) or kernel(x, n)  # type: ignore[func-returns-value]  # append, then call

    monkeypatch.setattr(evaluate, "KERNELS", {name: counted(k) for name, k in KERNELS.items()})
    spec = check_spec(
        {
            "let": {"mean": "sma(close, 2)"},
            "entry_long": "crossover(close, mean) and bb_middle(close, 2, 9) > sma(close, 3)",
            "exit_long": "crossunder(close, sma(close, 2))",
        }
    )
    strategy = spec.bind()
    evaluate.evaluate(strategy.nodes, strategy.rules.values(), BARS)
    assert sorted(calls) == [2, 3]
    calls.clear()
    evaluate.evaluate(strategy.nodes, [], BARS)
    assert calls == []


def test_it_can_be_ended_between_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller raises ends the walk, and no kernel runs after it."""
    calls: list[int] = []

    def enough() -> None:
        if calls:
            raise TimeoutError

    def counted(x: Floats, n: int) -> Floats:
        calls.append(n)
        return KERNELS["sma"](x, n)

    monkeypatch.setattr(evaluate, "KERNELS", {"sma": counted})
    strategy = check_spec({"entry_long": " + ".join(f"sma(close, {n})" for n in range(1, 9)) + " > 1"}).bind()
    with pytest.raises(TimeoutError):
        evaluate.evaluate(strategy.nodes, strategy.rules.values(), BARS, enough)
    assert calls == [1]


def test_what_is_computed_cannot_be_changed() -> None:
    """Arrays that several parts share are read-only."""
    spec = check_spec({"entry_long": "sma(close, 2) > 1"}).bind()
    part = next(position for position, node in enumerate(spec.nodes) if node.name == "sma")
    shared = np.asarray(evaluate.evaluate(spec.nodes, [part], BARS)[part])
    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 1.0
