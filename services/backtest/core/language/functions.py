"""Every function of the language: its call form, when its first value comes, and what it is made of.

A primitive has a kernel of the same name in the engine. A composed function is a formula in the language itself, so
it needs no kernel, its warm-up follows from its parts, and it shares them with whatever else a strategy computes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

SERIES = ("open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4")
"""The names that stand for a number on each bar: hl2 = (high + low) / 2, and so on."""

TRUTH = {"true": True, "false": False}


class Role(StrEnum):
    """What may stand in an argument's place; the value is how a message names it."""

    SERIES = "a series of numbers such as `close`"
    VALUE = "a number or a series of numbers"
    LENGTH = "a length: a whole number or a param"
    NUMBER = "a single number or a param"


@dataclass(frozen=True, slots=True)
class Argument:
    """One place in a call form."""

    name: str
    role: Role
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `formula` is what a composed function stands for, in terms of its arguments, and None for a primitive.
    `hidden` is how many bars a primitive shows nothing for after its inputs begin, given its lengths in call order.
    """

    name: str
    arguments: tuple[Argument, ...]
    formula: str | None = None
    hidden: Callable[..., int] | None = None

    @property
    def call_form(self) -> str:
        """The call as an author writes it, such as `sma(x, n)`."""
        return f"{self.name}({', '.join(argument.name for argument in self.arguments)})"

    @property
    def required(self) -> int:
        """How many arguments must be given."""
        return sum(not argument.optional for argument in self.arguments)


_X = Argument("x", Role.SERIES)
_N = Argument("n", Role.LENGTH)
_FAST = Argument("fast", Role.LENGTH)
_SLOW = Argument("slow", Role.LENGTH)
_A = Argument("a", Role.VALUE)
_B = Argument("b", Role.VALUE)


def _after(n: int) -> int:
    return n - 1


def _after_changes(n: int) -> int:
    return n


_ALL = (
    Function("sma", (_X, _N), hidden=_after),
    Function("ema", (_X, _N), hidden=_after),
    Function("stddev", (_X, _N), hidden=_after),
    Function("highest", (_X, _N), hidden=_after),
    Function("lowest", (_X, _N), hidden=_after),
    Function("rsi", (_X, _N), hidden=_after_changes),
    Function("change", (_X, _N), hidden=_after_changes),
    Function("macd", (_X, _FAST, _SLOW), formula="ema(x, fast) - ema(x, slow)"),
    Function(
        "macd_signal",
        (_X, _FAST, _SLOW, Argument("signal", Role.LENGTH)),
        formula="ema(macd(x, fast, slow), signal)",
    ),
    Function("bb_upper", (_X, _N, Argument("k", Role.NUMBER)), formula="sma(x, n) + k * stddev(x, n)"),
    # The middle does not depend on k; it is accepted so that the three bands can be called alike.
    Function("bb_middle", (_X, _N, Argument("k", Role.NUMBER, optional=True)), formula="sma(x, n)"),
    Function("bb_lower", (_X, _N, Argument("k", Role.NUMBER)), formula="sma(x, n) - k * stddev(x, n)"),
    # A comparison with a missing value is false, so all four values have to be there.
    Function("crossover", (_A, _B), formula="a > b and a[1] <= b[1]"),
    Function("crossunder", (_A, _B), formula="a < b and a[1] >= b[1]"),
)

FUNCTIONS = {function.name: function for function in _ALL}
