"""Random bars, random strategies and random executions, for hypothesis."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.tests.oracle_expressions import Expression, text

DAY = 86_400 * 10**9
PRICES = ("open", "high", "low", "close")
STOPS = ("stop_loss", "take_profit", "trailing_stop")
MONDAY = 4  # 1970-01-05, in days since 1970-01-01

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

_fractions = st.sampled_from([("number", value) for value in (0.02, 0.1, 0.25, 0.5, 2)])
_relative = st.tuples(st.just("/"), numbers, st.just(("close",)))

_sizings = st.one_of(
    st.builds(lambda share: {"method": "percent_equity", "value": share}, st.sampled_from([0.25, 0.5, 1.0])),
    st.builds(lambda units: {"method": "fixed_quantity", "value": units}, st.sampled_from([1.0, 10.5, 300.0])),
    st.builds(lambda money: {"method": "fixed_value", "value": money}, st.sampled_from([30.0, 999.0])),
    st.builds(
        lambda goal, window: {"method": "volatility_target", "value": goal, "window": window},
        st.sampled_from([0.2, 2.0]),
        st.integers(2, 6),
    ),
)


@dataclass(frozen=True)
class Strategy:
    """A strategy as its expressions: the rules, the stops, and the sizing as a document has it."""

    rules: dict[str, Expression]
    stops: dict[str, Expression]
    sizing: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The document that spells it."""
        expressions = self.rules | self.stops
        return {**{key: text(expression) for key, expression in expressions.items()}, "sizing": self.sizing}


@st.composite
def trading(draw: st.DrawFn) -> Strategy:
    """A strategy: entries on one side or on both, with or without exits, with some of the stops, sized somehow."""
    rules: dict[str, Expression] = {}
    for side in draw(st.sampled_from([("long",), ("short",), ("long", "short")])):
        rules[f"entry_{side}"] = draw(conditions)
        if draw(st.booleans()):
            rules[f"exit_{side}"] = draw(conditions)
    stops = {stop: draw(_fractions | _relative) for stop in STOPS if draw(st.booleans())}
    return Strategy(rules, stops, draw(_sizings))


@st.composite
def markets(draw: st.DrawFn, least: int = 1, most: int = 60) -> Bars:
    """Bars of working days on a coarse grid of prices, so that ties are common, with gaps and with wide ranges."""
    size = draw(st.integers(least, most))
    grid = st.lists(st.integers(1, 40), min_size=size, max_size=size)
    reach = st.lists(st.sampled_from([0, 1, 1, 4, 12]), min_size=size, max_size=size)
    opens, closes = (np.array(draw(grid), np.float64) / 4.0 for _ in range(2))
    above, below = (np.array(draw(reach), np.float64) / 4.0 for _ in range(2))
    days = np.arange(size, dtype=np.int64)
    return Bars(
        time=(MONDAY + days + 2 * (days // 5)) * DAY,
        open=opens,
        high=np.maximum(opens, closes) + above,
        low=np.maximum(np.minimum(opens, closes) - below, 0.25),
        close=closes,
        volume=np.ones(size),
    )


executions: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "initial_cash": st.sampled_from([50.0, 1000.0, 10_000.0]),
        "fill": st.sampled_from(["next_open", "close"]),
        "fee_bps": st.sampled_from([0.0, 10.0, 100.0]),
        "fee_fixed": st.sampled_from([0.0, 1.0]),
        "slippage_bps": st.sampled_from([0.0, 5.0, 100.0]),
        "borrow_bps_per_year": st.sampled_from([0.0, 300.0, 100_000.0]),
        "lot_size": st.sampled_from([None, 1.0, 0.25]),
        "stop_rule": st.sampled_from(["stop_first", "target_first"]),
        "close_at_end": st.booleans(),
    }
)
"""What an Execution is made of."""
