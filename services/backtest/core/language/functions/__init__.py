"""Every function of the language.

A primitive has a kernel of the same name in the engine. A composed function is a formula in the language itself, so
it needs no kernel, its warm-up follows from its parts, and it shares them with whatever else a strategy computes.
What a primitive reads besides its call form, such as the highs and the lows, a formula hands to an internal one, so
that a call's operands are all it reads.
"""

from services.backtest.core.language.functions.arithmetic import ARITHMETIC
from services.backtest.core.language.functions.averages import AVERAGES
from services.backtest.core.language.functions.bands import BANDS
from services.backtest.core.language.functions.conditions import CONDITIONS
from services.backtest.core.language.functions.extremes import EXTREMES
from services.backtest.core.language.functions.form import Argument, Function, Range, Role
from services.backtest.core.language.functions.momentum import MOMENTUM
from services.backtest.core.language.functions.statistics import STATISTICS
from services.backtest.core.language.functions.trend import TREND
from services.backtest.core.language.functions.volume import TRADED

__all__ = ["FAMILIES", "FUNCTIONS", "PUBLIC", "SERIES", "TRUTH", "Argument", "Function", "Range", "Role"]

SERIES = ("open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4")
"""The names that stand for a number on each bar: hl2 = (high + low) / 2, and so on."""

TRUTH = {"true": True, "false": False}

FAMILIES = (AVERAGES, MOMENTUM, BANDS, TREND, TRADED, STATISTICS, EXTREMES, CONDITIONS, ARITHMETIC)

FUNCTIONS = {function.name: function for family in FAMILIES for function in family}
"""By name, internal ones included: whatever a call in a strategy's tree may name."""

PUBLIC = {name: function for name, function in FUNCTIONS.items() if not function.internal}
"""Those that authors may call."""
