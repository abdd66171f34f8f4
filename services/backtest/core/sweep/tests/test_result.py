"""What a sweep answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.engine.dtypes import Ten
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.result import SweepResult, concatenated

NAN = float("nan")


def _result(*values: float, metric: str = "sharpe") -> SweepResult:
    metrics = np.full((10, len(values)), NAN)
    metrics[Ten._fields.index(metric)] = values
    places = np.arange(len(values))
    combinations = Combinations((Axis("n", tuple(range(1, len(values) + 1))),), (places,), len(values))
    return SweepResult(combinations, metrics, ~np.isnan(metrics[Ten._fields.index(metric)]))


@pytest.mark.parametrize(
    ("k", "places"),
    [
        (0, []),
        (1, [2]),
        (2, [2, 4]),
        (3, [2, 4, 1]),
        (4, [2, 4, 1, 0]),
        (6, [2, 4, 1, 0, 3, 5]),
        (9, [2, 4, 1, 0, 3, 5]),
    ],
)
def test_the_best(k: int, places: list[int]) -> None:
    """The highest first, the earlier of equals, what is undefined last."""
    assert _result(1.0, 2.0, 5.0, NAN, 5.0, NAN).best("sharpe", k).tolist() == places


def test_little_volatility_is_better() -> None:
    """Of this metric alone the lowest is best."""
    assert _result(0.3, NAN, 0.1, 0.2, metric="volatility").best("volatility", 2).tolist() == [2, 3]


@given(st.lists(st.sampled_from([NAN, -1.0, 0.0, 1.0, 2.0]), min_size=1), st.integers(0, 30))
def test_the_best_are_the_head_of_the_whole_order(values: list[float], k: int) -> None:
    """Asking for fewer changes nothing about them."""
    order = sorted(
        range(len(values)), key=lambda place: (np.isnan(values[place]), -np.nan_to_num(values[place]), place)
    )
    assert _result(*values).best("sharpe", k).tolist() == order[:k]


def test_columns_need_no_copy() -> None:
    """A metric is a contiguous part of the result's own memory."""
    result = _result(1.0, 2.0, 3.0)
    column = result.metric("sharpe")
    assert np.shares_memory(column, result.metrics)
    assert column.flags.c_contiguous


def test_slices_are_put_together_in_order() -> None:
    """Params, metrics and validity."""
    whole = _result(1.0, NAN, 3.0, 2.0)
    parts = [
        SweepResult(
            Combinations(whole.combinations.axes, (np.arange(start, stop),), stop - start),
            whole.metrics[:, start:stop],
            whole.valid[start:stop],
        )
        for start, stop in ((0, 1), (1, 3), (3, 4))
    ]
    made = concatenated(parts)
    assert np.asarray(made.params["n"]).tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(made.metrics, whole.metrics)
    assert made.valid.tolist() == [True, False, True, True]
