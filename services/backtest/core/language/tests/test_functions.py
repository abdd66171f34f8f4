"""The registry of functions, and the page that shows it."""

import re
from pathlib import Path

import pytest

from services.backtest.core.language.functions import FUNCTIONS, PUBLIC, SERIES, Function, Role
from services.backtest.core.language.tests.function_table import rows

PAGE = Path(__file__).parents[5] / "docs" / "language.md"

ALL = """
sma ema wma rma dema tema hma vwma rsi macd macd_signal macd_hist bb_upper bb_middle bb_lower bb_width atr natr tr adx
plus_di minus_di stoch_k stoch_d cci roc mom willr mfi obv vwap stddev variance zscore highest lowest highest_bars
lowest_bars change sum_n abs min max log sqrt sign crossover crossunder rising falling barssince valuewhen linreg slope
correlation percentrank donchian_upper donchian_lower keltner_upper keltner_lower supertrend psar
"""


def test_the_language_has_these_functions() -> None:
    """Taking one away breaks the strategies that call it."""
    assert set(PUBLIC) == set(ALL.split())


def test_the_page_shows_the_registry() -> None:
    """The table of functions is, line by line, what the registry says."""
    lines = PAGE.read_text().splitlines()
    start = lines.index(rows()[0])
    assert lines[start : start + len(rows())] == rows()
    assert not lines[start + len(rows())].startswith("|")


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_an_entry_is_whole(function: Function) -> None:
    """A primitive says when its first value comes, a formula follows from its parts and names nothing else."""
    assert (function.formula is None) == (function.hidden is not None)
    lengths = {argument.name for argument in function.arguments if argument.role is Role.LENGTH}
    assert set(re.findall(r"[a-z_]+\b(?!\()", function.warmup)) <= lengths
    if not function.internal:
        assert function.shown
        assert "_" not in re.findall(r"(?<![a-z0-9])_", function.shown)
    if function.formula is not None:
        names = set(re.findall(r"\b[a-z_0-9]*[a-z_][a-z_0-9]*\b(?!\()", function.formula)) - {"and"}
        assert names <= {*SERIES, *(argument.name for argument in function.arguments)}
        assert all(argument.name in names or argument.optional for argument in function.arguments)
