"""The params of a strategy, and which values a run may give them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from services.backtest.core.language.errors import SpecError, child
from services.backtest.core.language.kinds import Kind
from services.backtest.core.language.limits import MAX_WHOLE
from services.backtest.core.language.suggest import did_you_mean
from services.backtest.core.language.tree import Scalar, kind_of


@dataclass(frozen=True, slots=True)
class Param:
    """One declared param. `minimum` and `maximum` are inclusive; None means no bound; `choices` is for a choice."""

    type: str
    default: Scalar
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Scalar, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the name stands for in an expression."""
        return kind_of(self.default)

    def accept(self, value: object) -> Scalar:
        """`value` as this param holds it. Raises ValueError with what to write instead when it cannot."""
        if self.type == "choice":
            return self._chosen(value)
        if self.type == "bool":
            if not isinstance(value, bool):
                raise ValueError("must be true or false")
            return value
        number = whole(value) if self.type == "int" else finite(value)
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"is {number}, it must be at least {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"is {number}, it must be at most {self.maximum}")
        return number

    def _chosen(self, value: object) -> Scalar:
        for choice in self.choices:
            if value == choice and isinstance(value, bool) == isinstance(choice, bool):
                return choice
        listed = ", ".join(repr(choice) for choice in self.choices)
        raise ValueError(f"must be one of {listed}")


def accept_values(
    params: Mapping[str, Param], values: Mapping[str, object]
) -> tuple[dict[str, Scalar], list[SpecError]]:
    """The value of every param, `values` over the defaults, and what is wrong with `values`."""
    accepted = {name: param.default for name, param in params.items()}
    errors: list[SpecError] = []
    for name, value in values.items():
        here = child("/params", name)
        if name not in params:
            errors.append(SpecError(here, f"the strategy has no param `{name}`{did_you_mean(name, params)}"))
            continue
        try:
            accepted[name] = params[name].accept(value)
        except ValueError as problem:
            errors.append(SpecError(here, str(problem)))
    return accepted, errors


def whole(value: object) -> int:
    """`value` as a whole number that a float64 holds exactly. Raises ValueError when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or abs(value) > MAX_WHOLE:
        raise ValueError("must be a whole number")
    return int(value)


def finite(value: object) -> float:
    """`value` as a float64. Raises ValueError when it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ValueError("must be a number")
    return float(value)
