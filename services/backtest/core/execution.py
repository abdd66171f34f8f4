"""Whether the execution a request asks for is one that this engine carries out, and one the strategy can follow."""

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.document import ENTRIES
from services.backtest.core.language.errors import SpecError, summary
from shared.contracts.errors import Invalid
from shared.contracts.values import Execution

# What the engine does not carry out yet: the one value each of these may have.
_ONLY: dict[str, object] = {
    "fill": "next_open",
    "slippage_bps": 0.0,
    "borrow_bps_per_year": 0.0,
    "stop_rule": "stop_first",
    "close_at_end": False,
}


class InvalidExecution(Invalid):
    """The execution asked for is not possible, or not with this strategy. Correct it."""


def sides_of(execution: Execution) -> tuple[str, ...]:
    """The sides, of `long` and `short`, on which the strategy's rules count."""
    return ("long", "short") if execution.side in {None, "both"} else (str(execution.side),)


def check_execution(execution: Execution, spec: CheckedSpec) -> None:
    """Raise InvalidExecution, with pointers under `/execution`, for what is not supported or can never trade."""
    errors = [
        SpecError(f"/execution/{name}", f"not supported by engine version {ENGINE_VERSION} yet; write {_shown(only)}")
        for name, only in _ONLY.items()
        if getattr(execution, name) != only
    ]
    if not any(entry.endswith(sides_of(execution)) and entry in spec.rules for entry in ENTRIES):
        side = execution.side
        errors.append(SpecError("/execution/side", f"the strategy has no `entry_{side}`; write one, or another side"))
    if errors:
        raise InvalidExecution(summary(errors), errors=tuple(errors))


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
