"""What a function of the language is: its call form, when its first value comes, and what it is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.backtest.core.language.limits import MAX_WINDOW


class Role(StrEnum):
    """What may stand in an argument's place; the value is how a message names it."""

    SERIES = "a series of numbers such as `close`"
    VALUE = "a number or a series of numbers"
    CONDITION = "a condition such as `close > open`"
    LENGTH = "a whole number or a param"
    NUMBER = "a single number or a param"


class Range(NamedTuple):
    """The single values that an argument takes, both ends included."""

    least: float
    most: float
    whole: bool

    def __str__(self) -> str:
        sort = "a whole number" if self.whole else "a number"
        return f"{sort} from {self.least:g} to {self.most:g}"

    def holds(self, value: float) -> bool:
        """Whether `value` is one of them."""
        return self.least <= value <= self.most and (value.is_integer() or not self.whole)


@dataclass(frozen=True, slots=True)
class Argument:
    """One place in a call form. `range` says which single values it takes; None is any."""

    name: str
    role: Role
    meaning: str
    range: Range | None = None
    optional: bool = False


def length(name: str, meaning: str, least: int = 1) -> Argument:
    """An argument that counts bars."""
    return Argument(name, Role.LENGTH, meaning, Range(least, MAX_WINDOW, whole=True))


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `formula` is what a composed function stands for, in terms of its arguments, and None for a primitive, which has a
    kernel of its name in the engine. `hidden` is how many bars a primitive shows nothing for once all its inputs have
    begun, given its lengths in call order. A name that begins with `_` can be used in formulas only.

    The rest is for authors: `does` says what it yields, `definition` how a primitive is computed, `unit` in what,
    `warmup` how many bars pass before the first value when the inputs have no missing one (an expression over the
    arguments, with the functions of the language), and `source` where it is from and where it differs.
    """

    name: str
    arguments: tuple[Argument, ...]
    does: str
    unit: str
    warmup: str
    source: str
    formula: str | None = None
    definition: str | None = None
    hidden: Callable[..., int] | None = None

    @property
    def call_form(self) -> str:
        """The call as an author writes it, such as `sma(x, n)`."""
        return f"{self.name}({', '.join(argument.name for argument in self.arguments)})"

    @property
    def required(self) -> int:
        """How many arguments must be given."""
        return sum(not argument.optional for argument in self.arguments)

    @property
    def internal(self) -> bool:
        """Whether only formulas may call it."""
        return self.name.startswith("_")

    @property
    def shown(self) -> str:
        """How it is computed, as an author is told."""
        return self.definition or self.formula or ""
