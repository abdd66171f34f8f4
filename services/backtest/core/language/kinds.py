"""The types of the language: numbers, conditions and text, either one value or one for each bar."""

from enum import Enum


class Kind(Enum):
    """What an expression yields; the value is how a message names it."""

    NUMBER = "a single number"
    CONDITION = "a single true or false"
    TEXT = "a text"
    NUMBER_SERIES = "a series of numbers"
    CONDITION_SERIES = "a condition"

    @property
    def is_series(self) -> bool:
        """Whether there is a value for each bar."""
        return self is Kind.NUMBER_SERIES or self is Kind.CONDITION_SERIES


def is_number(kind: Kind) -> bool:
    """Whether arithmetic applies."""
    return kind is Kind.NUMBER or kind is Kind.NUMBER_SERIES


def is_condition(kind: Kind) -> bool:
    """Whether `and`, `or` and `not` apply."""
    return kind is Kind.CONDITION or kind is Kind.CONDITION_SERIES


def number(*, series: bool) -> Kind:
    """The kind of arithmetic over operands of which one is, or none is, a series."""
    return Kind.NUMBER_SERIES if series else Kind.NUMBER


def condition(*, series: bool) -> Kind:
    """The kind of a comparison over operands of which one is, or none is, a series."""
    return Kind.CONDITION_SERIES if series else Kind.CONDITION
