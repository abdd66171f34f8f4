"""Random strategies whose params stand everywhere a param may, in lengths, logic and stops, and bars to try them on.

They are written from a seed rather than drawn part by part: hypothesis draws small ones, and what goes wrong takes
several parts that share, lag and mask one another.
"""

from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from services.backtest.core.bars import Bars

PARAMS: dict[str, dict[str, Any]] = {
    "a": {"type": "int", "min": 1, "max": 12, "default": 3},
    "b": {"type": "int", "min": 1, "max": 12, "default": 5},
    "k": {"type": "float", "min": -4.0, "max": 4.0, "default": 0.5},
    "on": {"type": "bool", "default": True},
    "mode": {"type": "choice", "choices": ["fast", "slow", "none"], "default": "fast"},
}
LENGTHS = ("2", "3", "a", "b", "a + b", "b - a + 4", "min(a, b)", "a * 2")
SINGLES = ("1", "0.5", "3", "a", "k", "k * 2", "a / (b - 6)", "k ** 2", "b % 4", "max(k, 1)", "-k")
PRICES = ("open", "high", "low", "close", "hl2", "hlc3")
WINDOWS = ("sma", "ema", "rma", "highest", "lowest", "wma", "sma", "change", "stddev")
TRUTHS = ("on", "mode == 'fast'")
STOPS = (None, None, "0.05", "k", "k / 10", "stddev(close, a) / close", "a / 100", "0.2 - k / 10")
CONSTRAINTS: tuple[list[str], ...] = ([], [], ["a < b"], ["a + b < 14", "on"], ["1 / (a - b) > k - 2"])
SIZINGS: tuple[dict[str, Any], ...] = (
    {"method": "percent_equity", "value": 1.0},
    {"method": "percent_equity", "value": 0.5},
    {"method": "fixed_quantity", "value": 2.0},
    {"method": "fixed_value", "value": 300.0},
    {"method": "volatility_target", "value": 0.3, "window": 5},
)


def number(random: Random, depth: int) -> str:
    """An expression for a series of numbers."""
    if depth == 0 or random.random() < 0.15:
        return random.choice((*PRICES, "f", "s"))
    inner = number(random, depth - 1)
    other = random.choice((number(random, depth - 1), random.choice(SINGLES)))
    return random.choice(
        (
            f"{random.choice(WINDOWS)}({inner}, {random.choice(LENGTHS)})",
            f"{random.choice(WINDOWS)}({inner}, {random.choice(LENGTHS)})",
            f"({inner} {random.choice(('+', '-', '*', '/', '%', '**'))} {other})",
            f"({inner} {random.choice('+-*/')} {other})",
            f"({random.choice(SINGLES)} {random.choice('+-*/')} {inner})",
            f"({inner})[{random.randint(1, 4)}]",
            f"(-{inner})",
            f"{random.choice(('abs', 'sqrt', 'sign', 'log'))}({inner})",
            f"{random.choice(('min', 'max'))}({inner}, {other})",
            f"bb_upper({inner}, {random.choice(LENGTHS)}, k)",
            f"barssince({inner} > {other})",
        )
    )


def condition(random: Random, depth: int) -> str:
    """An expression for a condition."""
    if depth == 0 or random.random() < 0.3:
        left = number(random, 2)
        right = random.choice((number(random, 2), number(random, 1), random.choice(SINGLES)))
        sign = random.choice((">", "<", ">=", "<=", "!=", "=="))
        cross = random.choice(("crossover", "crossunder"))
        return random.choice(
            (f"({left} {sign} {right})", f"({right} {sign} {left})", f"{cross}({left}, {right})", f"{cross}(f, s)")
        )
    inner, other = condition(random, depth - 1), condition(random, depth - 1)
    return random.choice(
        (
            f"({inner} {random.choice(('and', 'or'))} {other})",
            f"(not {inner})",
            f"({inner})[{random.randint(1, 3)}]",
            f"({inner} {random.choice(('and', 'or'))} {random.choice(TRUTHS)})",
        )
    )


def document(seed: int) -> dict[str, Any]:
    """A strategy document; it may be one that its own defaults make impossible."""
    random = Random(seed)
    made: dict[str, Any] = {"params": PARAMS, "sizing": random.choice(SIZINGS)}
    made["let"] = {"f": f"sma({random.choice(PRICES)}, a)", "s": f"{random.choice(WINDOWS)}(close, b)"}
    for side in random.choice((("long",), ("short",), ("long", "short"))):
        made[f"entry_{side}"] = "on" if random.random() < 0.05 else condition(random, 2)
        if random.random() < 0.7:
            made[f"exit_{side}"] = condition(random, 2)
    for stop in ("stop_loss", "take_profit", "trailing_stop"):
        made[stop] = random.choice(STOPS)
    made["constraints"] = random.choice(CONSTRAINTS)
    return made


documents = st.integers(0, 2**32).map(document)
grids = st.fixed_dictionaries(
    {"a": st.just({"start": 1, "stop": 7, "step": 3})},
    optional={
        "b": st.just([4, 6, 11]),
        "k": st.just([-1.0, 0.25, 0.5]),
        "on": st.just([True, False]),
        "mode": st.just(["none", "fast"]),
    },
)


def market(seed: int, size: int) -> Bars:
    """Daily bars on a coarse grid of prices, so that ties and gaps are common."""
    random = np.random.default_rng(seed)
    opens, closes = random.integers(8, 40, (2, size)) / 4.0
    return Bars(
        time=np.arange(size, dtype=np.int64) * 86_400 * 10**9,
        open=opens,
        high=np.maximum(opens, closes) + random.integers(0, 3, size) / 4.0,
        low=np.minimum(opens, closes) - random.integers(0, 3, size) / 4.0,
        close=closes,
        volume=random.integers(0, 5, size).astype(np.float64),
    )
