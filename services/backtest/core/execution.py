"""Whether the execution a request asks for is within reason, and one the strategy can follow."""

from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.document import ENTRIES
from services.backtest.core.language.errors import SpecError, summary
from shared.contracts.errors import Invalid
from shared.contracts.values import Execution

MOST = {"fee_fixed": 1e15, "borrow_bps_per_year": 1e6}
"""Beyond these a cost is a slip of the pen, and sums of it may not be numbers any more."""


class InvalidExecution(Invalid):
    """The execution asked for is not possible, or not with this strategy. Correct it."""


def sides_of(execution: Execution) -> tuple[str, ...]:
    """The sides, of `long` and `short`, on which the strategy's rules count."""
    return ("long", "short") if execution.side in {None, "both"} else (str(execution.side),)


def check_execution(execution: Execution, spec: CheckedSpec) -> None:
    """Raise InvalidExecution, with pointers under `/execution`, for costs beyond reason and for what never trades."""
    errors = [
        SpecError(f"/execution/{name}", f"is {getattr(execution, name):g}; it must be at most {most:g}")
        for name, most in MOST.items()
        if getattr(execution, name) > most
    ]
    if not any(entry.endswith(sides_of(execution)) and entry in spec.rules for entry in ENTRIES):
        side = execution.side
        errors.append(SpecError("/execution/side", f"the strategy has no `entry_{side}`; write one, or another side"))
    if errors:
        raise InvalidExecution(summary(errors), errors=tuple(errors))
