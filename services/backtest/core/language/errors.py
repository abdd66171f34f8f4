"""What is wrong with a strategy, said so that its author can put it right."""

from collections.abc import Sequence

from services.backtest.core.language.limits import MAX_ERRORS
from shared.contracts.errors import InputError as SpecError
from shared.contracts.errors import Invalid, InvalidSpec

__all__ = ["InvalidParams", "InvalidSpec", "Report", "SpecError", "child", "summary"]


class InvalidParams(Invalid):
    """The strategy is sound, the parameter values given for this run are not. Correct them."""


class Report:
    """Collects the faults of one document, and gives up after `MAX_ERRORS` of them."""

    def __init__(self) -> None:
        self._errors: list[SpecError] = []

    @property
    def count(self) -> int:
        """How many faults there are so far."""
        return len(self._errors)

    def add(self, pointer: str, message: str, line: int | None = None, column: int | None = None) -> None:
        """Note one fault. Raises InvalidSpec when that makes `MAX_ERRORS`: searching on costs more than it tells."""
        self._errors.append(SpecError(pointer, message, line, column))
        if len(self._errors) >= MAX_ERRORS:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise InvalidSpec with every fault noted so far, if there is one."""
        if self._errors:
            raise InvalidSpec(summary(self._errors), errors=tuple(self._errors))


def child(pointer: str, key: str | int) -> str:
    """The pointer to `key` inside `pointer`, escaped as RFC 6901 asks."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def summary(errors: Sequence[SpecError]) -> str:
    """The first of the faults in one line, and how many more there are."""
    first = errors[0]
    where = f" line {first.line} column {first.column}" if first.line is not None else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first.pointer}{where}: {first.message}{more}"
