"""Expressions of the language, computed over bars, and bars to compute them over."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.engine.evaluate import evaluate
from services.backtest.core.language.draft import Draft
from services.backtest.core.language.errors import Report
from services.backtest.core.language.functions import PUBLIC, Function, Role
from services.backtest.core.language.reader import Source
from services.backtest.core.language.translate import translate
from services.backtest.core.language.tree import Node
from services.backtest.core.language.warmup import first_valid

DATA = Path(__file__).parents[2] / "tests" / "data"

_SERIES = ("close", "open")
_NUMBERS = {"step": "0.03", "max": "0.17", "k": "1.5"}


def values(text: str, bars: Bars) -> Floats | Flags:
    """What `text`, an expression without params, is on each bar."""
    nodes, position = _read(text)
    return np.asarray(evaluate(nodes, [position], bars)[position])


def inferred_warmup(text: str) -> int:
    """The bar on which the language takes `text` to have its first value."""
    nodes, position = _read(text)
    return first_valid(nodes)[0][position]


@cache
def _read(text: str) -> tuple[Sequence[Node], int]:
    report = Report()
    draft = Draft(report, {})
    position = translate(draft, Source(text, ""))
    report.raise_if_any()
    assert position is not None
    return draft.tree.nodes, position


def call(name: str, lengths: Sequence[int], series: Sequence[str] = _SERIES) -> str:
    """A call of the function `name`, its lengths in turn from `lengths`, its series from `series`."""
    return f"{name}({', '.join(_arguments(PUBLIC[name], lengths, series))})"


def lengths_of(name: str, lengths: Sequence[int]) -> dict[str, int]:
    """What such a call has for its lengths, by the name of the argument."""
    arguments = PUBLIC[name].arguments
    given = zip(arguments, _arguments(PUBLIC[name], lengths, _SERIES), strict=True)
    return {argument.name: int(text) for argument, text in given if argument.role is Role.LENGTH}


def _arguments(function: Function, lengths: Sequence[int], series: Sequence[str]) -> Iterator[str]:
    rotating, names = cycle(lengths), cycle(series)
    for argument in function.arguments:
        if argument.role is Role.LENGTH:
            least = argument.range.least if argument.range else 1
            yield f"{max(next(rotating), least):g}"
        elif argument.role is Role.NUMBER:
            yield _NUMBERS[argument.name]
        elif argument.role is Role.CONDITION:
            yield f"{next(names)} > 0"
        else:
            yield next(names)


def stored_bars(file: str) -> Bars:
    """The bars of a file of test data."""
    with np.load(DATA / file) as columns_:
        return Bars(**columns_)


def random_bars(count: int, seed: int = 7) -> Bars:
    """A random walk that gaps, with a volume that is 0 now and then."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, count)))
    open_ = close * np.exp(rng.normal(0.0, 0.01, count))
    high = np.maximum(open_, close) * np.exp(rng.exponential(0.005, count))
    low = np.minimum(open_, close) * np.exp(-rng.exponential(0.005, count))
    volume = np.where(rng.random(count) < 0.05, 0.0, rng.integers(1, 10_000, count)).astype(np.float64)
    return Bars(np.arange(count) * 10**9, open_, high, low, close, volume)


def flat_bars(count: int, price: float = 0.1) -> Bars:
    """Bars on which nothing ever moves."""
    prices = np.full(count, price)
    return Bars(np.arange(count) * 10**9, prices, prices, prices, prices, np.full(count, 3.0))


def first_bars(bars: Bars, count: int) -> Bars:
    """The first `count` of the bars."""
    return chosen(bars, slice(count))


def chosen(bars: Bars, which: slice | Flags) -> Bars:
    """Some of the bars, in order."""
    prices = (getattr(bars, name)[which] for name in ("open", "high", "low", "close", "volume"))
    return Bars(bars.time[which], *prices)


BARS = {
    "AAPL": stored_bars("aapl_daily_adjusted.npz"),
    "EURUSD": stored_bars("eurusd_hourly_ask_2017.npz"),
    "random": random_bars(2_000),
}
"""Daily bars of a share, hourly bars of a currency pair, and a random walk."""
