"""Random bars and random strategies, for hypothesis."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.tests.oracle import Expression

DAY = 86_400 * 10**9
PRICES = ("open", "high", "low", "close")

_lengths = st.integers(1, 7)
_price = st.sampled_from([(name,) for name in PRICES])
_number = st.sampled_from([("number", value) for value in (0.5, 1, 2, 30, 50, 70)])


def _larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.tuples(st.sampled_from(["sma", "ema", "stddev", "highest", "lowest", "rsi", "change"]), inner, _lengths),
        st.tuples(st.just("lag"), inner, st.integers(0, 4)),
        st.tuples(st.sampled_from(["+", "-", "*", "/"]), inner, inner | _number),
    )


numbers = st.recursive(_price, _larger, max_leaves=4)


def _joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("lag"), inner, st.integers(0, 3)),
    )


_compared = st.one_of(
    st.tuples(st.sampled_from([">", "<", ">=", "<=", "!="]), numbers, numbers | _number),
    st.tuples(st.sampled_from(["crossover", "crossunder"]), numbers, numbers),
)
conditions = st.recursive(_compared, _joined, max_leaves=3)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Expression]:
    """The rules of a strategy: an entry on one side or on both, with or without exits."""
    drawn: dict[str, Expression] = {}
    for side in draw(st.sampled_from([("long",), ("short",), ("long", "short")])):
        drawn[f"entry_{side}"] = draw(conditions)
        if draw(st.booleans()):
            drawn[f"exit_{side}"] = draw(conditions)
    return drawn


@st.composite
def markets(draw: st.DrawFn, least: int = 1, most: int = 60) -> Bars:
    """Daily bars on a coarse grid of prices, so that ties are common."""
    size = draw(st.integers(least, most))
    grid = st.lists(st.integers(1, 40), min_size=size, max_size=size)
    opens, closes = (np.array(draw(grid), np.float64) / 4.0 for _ in range(2))
    return Bars(
        time=np.arange(size, dtype=np.int64) * DAY,
        open=opens,
        high=np.maximum(opens, closes) + 0.25,
        low=np.maximum(np.minimum(opens, closes) - 0.25, 0.25),
        close=closes,
        volume=np.ones(size),
    )


executions = st.fixed_dictionaries(
    {
        "cash": st.sampled_from([50.0, 1000.0, 10_000.0]),
        "fraction": st.sampled_from([0.25, 0.5, 1.0]),
        "fee_bps": st.sampled_from([0.0, 10.0, 100.0]),
        "fee_fixed": st.sampled_from([0.0, 1.0]),
        "lot_size": st.sampled_from([None, 1.0, 0.25]),
    }
)
Options = dict[str, Any]
