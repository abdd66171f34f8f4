"""Operators over series."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.engine.operators import apply, lag
from services.backtest.core.language.tree import Op

NAN = np.nan
A = np.array([1.0, 2.0, NAN, 4.0])
B = np.array([2.0, 2.0, 2.0, NAN])


@pytest.mark.parametrize(
    ("op", "values", "expected"),
    [
        (Op.ADD, [A, B], [3, 4, NAN, NAN]),
        (Op.SUBTRACT, [A, 1.0], [0, 1, NAN, 3]),
        (Op.MULTIPLY, [2.0, A], [2, 4, NAN, 8]),
        (Op.DIVIDE, [A, np.array([0.0, 4.0, 1.0, 0.0])], [NAN, 0.5, NAN, NAN]),
        (Op.MODULO, [np.array([5.0, -5.0, 5.0]), np.array([3.0, 3.0, 0.0])], [2, 1, NAN]),
        (Op.POWER, [np.array([2.0, -8.0, 1e300]), np.array([3.0, 0.5, 2.0])], [8, NAN, NAN]),
        (Op.NEGATIVE, [A], [-1, -2, NAN, -4]),
        (Op.GREATER, [A, B], [False, False, False, False]),
        (Op.GREATER_EQUAL, [A, B], [False, True, False, False]),
        (Op.LESS, [A, B], [True, False, False, False]),
        (Op.LESS_EQUAL, [A, B], [True, True, False, False]),
        (Op.EQUAL, [A, B], [False, True, False, False]),
        (Op.NOT_EQUAL, [A, B], [True, False, False, False]),
        (Op.AND, [np.array([True, True]), np.array([True, False]), True], [True, False]),
        (Op.OR, [np.array([True, False]), False, np.array([False, False])], [True, False]),
        (Op.NOT, [np.array([True, False])], [False, True]),
    ],
)
def test_an_operator_works_bar_by_bar(op: Op, values: list[Any], expected: list[Any]) -> None:
    """What is not finite is missing, and a comparison with what is missing is false, `!=` included."""
    np.testing.assert_array_equal(apply(op, values), expected)


@pytest.mark.parametrize(("bars", "expected"), [(1, [NAN, 1, 2, NAN]), (3, [NAN, NAN, NAN, 1]), (9, [NAN] * 4)])
def test_a_lag_reaches_back(bars: int, expected: list[float]) -> None:
    """Before the first bar there is nothing, however far back."""
    np.testing.assert_array_equal(lag(A, bars), expected)


def test_a_lagged_condition_is_false_before_the_first_bar() -> None:
    """A condition has no missing value, it does not hold."""
    np.testing.assert_array_equal(lag(np.array([True, True, False]), 2), [False, False, True])
