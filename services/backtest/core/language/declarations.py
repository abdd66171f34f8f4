"""How a document declares its params: their names, types, bounds, choices and defaults."""

import re
from collections.abc import Mapping
from keyword import iskeyword

from services.backtest.core.language.errors import Report, child
from services.backtest.core.language.functions import FUNCTIONS, SERIES, TRUTH
from services.backtest.core.language.limits import MAX_CHOICES
from services.backtest.core.language.params import Param, finite, whole
from services.backtest.core.language.tree import Scalar

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}", re.ASCII)
_TEXT = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

_KEYS = {
    "int": ("type", "min", "max", "default"),
    "float": ("type", "min", "max", "default"),
    "bool": ("type", "default"),
    "choice": ("type", "choices", "default"),
}


def name_problem(name: str) -> str | None:
    """Why a param or a `let` cannot have this name, or None when it can."""
    if not _NAME.fullmatch(name) or iskeyword(name):
        return "a name is a letter followed by up to 31 letters, digits or underscores, and no word of the language"
    if name in SERIES or name in TRUTH:
        return f"`{name}` already has a meaning; choose another name"
    if name in FUNCTIONS:
        return f"`{name}` is a function; choose another name"
    return None


def read_params(declared: Mapping[str, object], pointer: str, report: Report) -> dict[str, Param]:
    """The params a document declares; what is wrong with a declaration is reported and the param left out."""
    params: dict[str, Param] = {}
    for name, declaration in declared.items():
        here = child(pointer, name)
        if problem := name_problem(name):
            report.add(here, problem)
        elif param := _declaration(declaration, here, report):
            params[name] = param
    return params


def _declaration(declaration: object, pointer: str, report: Report) -> Param | None:
    if not isinstance(declaration, Mapping) or declaration.get("type") not in list(_KEYS):
        report.add(
            pointer,
            'a param is an object such as {"type": "int", "min": 2, "max": 50, "default": 10}; '
            "its type is int, float, bool or choice",
        )
        return None
    type_, before = str(declaration["type"]), report.count
    for key in declaration:
        if key not in _KEYS[type_]:
            report.add(child(pointer, key), f"a param of type {type_} has no `{key}`; it has {', '.join(_KEYS[type_])}")
    if "default" not in declaration:
        report.add(pointer, "give the param a `default`")
    bounds = {key: _bound(declaration, key, pointer, report) for key in ("min", "max") if key in _KEYS[type_]}
    choices = _choices(declaration.get("choices"), child(pointer, "choices"), report) if type_ == "choice" else ()
    low, high = bounds.get("min"), bounds.get("max")
    if low is not None and high is not None and low > high:
        report.add(child(pointer, "min"), f"min is {low} and max is {high}; swap them")
    if report.count > before:
        return None
    try:
        default = Param(type_, False, low, high, choices).accept(declaration["default"])
    except ValueError as problem:
        report.add(child(pointer, "default"), str(problem))
        return None
    return Param(type_, default, low, high, choices)


def _bound(declaration: Mapping[str, object], key: str, pointer: str, report: Report) -> float | None:
    value = declaration.get(key)
    if value is None:
        return None
    try:
        return whole(value) if declaration["type"] == "int" else finite(value)
    except ValueError as problem:
        report.add(child(pointer, key), str(problem))
        return None


def _choices(value: object, pointer: str, report: Report) -> tuple[Scalar, ...]:
    choices: tuple[Scalar, ...] = ()
    if isinstance(value, list | tuple) and 0 < len(value) <= MAX_CHOICES:
        if all(isinstance(choice, str) and _TEXT.fullmatch(choice) for choice in value):
            choices = tuple(value)
        elif all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in value):
            choices = tuple(int(choice) if choice == choice // 1 else choice for choice in map(finite, value))
    if not choices or len(set(choices)) < len(choices):
        report.add(pointer, f"list 1 to {MAX_CHOICES} different numbers, or texts of letters, digits, `_`, `.` and `-`")
    return choices
