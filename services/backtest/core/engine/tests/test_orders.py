"""Orders: what the signals at a close ask for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.backtest.core.engine.dtypes import Order
from services.backtest.core.engine.orders import BLOCK, decide, next_decision
from services.backtest.core.engine.tests.executions import EL, ES, XL, XS, read_only

HOLD, EXIT, LONG, SHORT = (order.value for order in Order)


@pytest.mark.parametrize(
    ("signals", "flat", "long", "short"),
    [
        (0, HOLD, HOLD, HOLD),
        (EL, LONG, HOLD, LONG),
        (ES, SHORT, SHORT, HOLD),
        (XL, HOLD, EXIT, HOLD),
        (XS, HOLD, HOLD, EXIT),
        (EL | XL, LONG, HOLD, LONG),
        (ES | XL, SHORT, SHORT, HOLD),
        (EL | XS, LONG, HOLD, LONG),
        (EL | ES, HOLD, HOLD, HOLD),
        (EL | ES | XL | XS, HOLD, EXIT, EXIT),
    ],
)
def test_what_is_ordered(signals: int, flat: int, long: int, short: int) -> None:
    """Entry beats exit, an opposite entry reverses, a repeated one is ignored, and two at once cancel out."""
    assert [decide(signals, quantity) for quantity in (0.0, 2.0, -2.0)] == [flat, long, short]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.integers(0, 15)), max_size=4), st.integers(0, BLOCK + 2))
def test_no_decision_is_jumped_over(spread: list[tuple[int, int]], start: int) -> None:
    """The next decision is the first bar whose order is not to hold, in whichever block it lies."""
    signals = [bits for silent, signal in spread for bits in (*[0] * silent, signal)]
    for quantity in (0.0, 2.0, -2.0):
        orders = [bar for bar in range(start, len(signals)) if decide(signals[bar], quantity) != HOLD]
        found = next_decision(read_only(signals, np.uint8), start, len(signals), quantity)
        assert found == min(orders, default=len(signals))
