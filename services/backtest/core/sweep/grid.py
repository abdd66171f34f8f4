"""The grid of a sweep, as a request spells it: which values each named param is to have.

A list of values; `{"start": 20, "stop": 200, "step": 10}`, with the stop if a step meets it; or, in a random sample,
`{"min": 0.01, "max": 0.1}`: any number between. Steps are added as decimals: 0.1, 0.2, 0.3 is what 0.1 to 0.3 is.
"""

import sys
from collections.abc import Mapping
from decimal import Decimal

from services.backtest.core.language.errors import SpecError, child, summary
from services.backtest.core.language.limits import MAX_ERRORS
from services.backtest.core.language.params import Param
from services.backtest.core.language.suggest import did_you_mean
from services.backtest.core.language.tree import Scalar
from services.backtest.core.sweep.axis import Axis
from shared.contracts.errors import Invalid

MAX_VALUES = 100_000
"""Values that one param may have in a sweep."""

_STEPS = ("start", "stop", "step")
_FORMS = 'list its values, or write {"start": 20, "stop": 200, "step": 10}'


class InvalidSpace(Invalid):
    """The params asked for are not those of the strategy, or too many. Correct them."""


def read_grid(params: Mapping[str, Param], grid: object, *, sampled: bool) -> tuple[Axis, ...]:
    """The axes of `grid`, in the order of their names, so that the order of keys does not matter.

    Raises InvalidSpace, with pointers under `/grid`, for all that the params' declarations do not allow.
    """
    if not isinstance(grid, Mapping):
        raise InvalidSpace("/grid: name the params to vary, and the values of each")
    errors: list[SpecError] = []
    axes = [_axis(params, str(name), grid[name], errors, sampled=sampled) for name in sorted(grid, key=str)]
    if errors:
        raise InvalidSpace(summary(errors), errors=tuple(errors[:MAX_ERRORS]))
    return tuple(axis for axis in axes if axis is not None)


def _axis(
    params: Mapping[str, Param], name: str, values: object, errors: list[SpecError], *, sampled: bool
) -> Axis | None:
    here = child("/grid", name)
    if name not in params:
        errors.append(SpecError(here, f"the strategy has no param `{name}`{did_you_mean(name, params)}"))
        return None
    if isinstance(values, list | tuple):
        return _listed(name, params[name], values, errors)
    if isinstance(values, Mapping):
        if values.keys() == {"min", "max"}:
            return _between(name, params[name], values, errors, sampled=sampled)
        if values.keys() == set(_STEPS):
            return _stepped(name, params[name], values, errors)
    errors.append(SpecError(here, _FORMS))
    return None


def _listed(name: str, param: Param, values: list[object] | tuple[object, ...], errors: list[SpecError]) -> Axis | None:
    here = child("/grid", name)
    if not 0 < len(values) <= MAX_VALUES:
        errors.append(SpecError(here, f"there are {len(values)} values; list 1 to {MAX_VALUES}"))
        return None
    accepted: dict[Scalar, None] = {}
    for index, value in enumerate(values):
        taken = _accepted(param, value, here, index, errors)
        if taken is not None and taken in accepted:
            errors.append(SpecError(child(here, index), f"{value} is listed twice"))
        if len(errors) >= MAX_ERRORS:
            return None
        if taken is not None:
            accepted[taken] = None
    return Axis(name, tuple(accepted))


def _stepped(name: str, param: Param, given: Mapping[str, object], errors: list[SpecError]) -> Axis | None:
    here = child("/grid", name)
    if param.type not in {"int", "float"}:
        errors.append(SpecError(here, f"`{name}` is a {param.type}; list its values"))
        return None
    start, stop = (_accepted(param, given[end], here, end, errors) for end in ("start", "stop"))
    step = _accepted(Param(param.type, 0), given["step"], here, "step", errors)
    if start is None or stop is None or step is None:
        return None
    first, last, width = (Decimal(repr(value)) for value in (start, stop, step))
    if width <= 0:
        errors.append(SpecError(child(here, "step"), f"is {step}, it must be above 0"))
    elif last < first:
        errors.append(SpecError(child(here, "stop"), f"is {stop}, below the start; swap them"))
    elif (last - first) / width >= MAX_VALUES:
        errors.append(SpecError(here, f"there are over {MAX_VALUES} values; take a wider step"))
    else:
        count = int((last - first) / width) + 1
        made = int if param.type == "int" else float
        return Axis(name, tuple(dict.fromkeys(made(first + index * width) for index in range(count))))
    return None


def _between(
    name: str, param: Param, given: Mapping[str, object], errors: list[SpecError], *, sampled: bool
) -> Axis | None:
    here = child("/grid", name)
    if param.type == "int":
        return _stepped(name, param, {"start": given["min"], "stop": given["max"], "step": 1}, errors)
    if param.type != "float" or not sampled:
        errors.append(SpecError(here, _FORMS if param.type == "float" else f"`{name}` is a {param.type}; {_FORMS}"))
        return None
    low, high = (_accepted(param, given[end], here, end, errors) for end in ("min", "max"))
    if low is None or high is None:
        return None
    if not 0.0 < float(high) - float(low) <= sys.float_info.max:
        errors.append(SpecError(child(here, "max"), f"is {high}; it must be above the min"))
        return None
    return Axis(name, low=float(low), high=float(high))


def _accepted(param: Param, value: object, here: str, part: str | int, errors: list[SpecError]) -> Scalar | None:
    try:
        return param.accept(value)
    except ValueError as problem:
        # The pointer is made for a fault alone: a list may have 100,000 values.
        errors.append(SpecError(child(here, part), str(problem)))
        return None
