"""The rules for calling a function: which exist, how many arguments they take, and of what sort."""

import ast
from collections.abc import Mapping, Set

from services.backtest.core.language.draft import Draft
from services.backtest.core.language.functions import PUBLIC, Function, Role
from services.backtest.core.language.kinds import Kind, is_number
from services.backtest.core.language.suggest import did_you_mean


def called(node: ast.Call, known: Mapping[str, Function]) -> Function | None:
    """The function of `known` that a call names, or None."""
    return known.get(node.func.id) if isinstance(node.func, ast.Name) else None


def call_problem(node: ast.Call, function: Function | None, draft: Draft) -> str | None:
    """What is wrong with the form of a call of `function`, or None."""
    if function is None:
        return _not_a_function(node, draft.values() | draft.later)
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        return f"arguments are given in order and without names; write `{function.call_form}`"
    given, allowed = len(node.args), len(function.arguments)
    if function.required <= given <= allowed:
        return None
    counted = f"{given} is given" if given == 1 else f"{given or 'none'} are given"
    return f"`{function.name}` takes {_arguments(function)} and {counted}; write `{function.call_form}`"


def is_accepted(role: Role, kind: Kind) -> bool:
    """Whether a value of this kind may stand in an argument's place."""
    if role is Role.SERIES:
        return kind is Kind.NUMBER_SERIES
    if role is Role.CONDITION:
        return kind is Kind.CONDITION_SERIES
    if role is Role.VALUE:
        return is_number(kind)
    return kind is Kind.NUMBER


def _arguments(function: Function) -> str:
    most = len(function.arguments)
    if function.required < most:
        return f"{function.required} to {most} arguments"
    return {0: "no arguments", 1: "1 argument"}.get(most, f"{most} arguments")


def _not_a_function(node: ast.Call, values: Set[str]) -> str:
    if not isinstance(node.func, ast.Name):
        return "only the functions of the language can be called, by their name"
    name = node.func.id
    if name in values:
        return f"`{name}` is not a function; write `{name}`, or `{name}[1]` for its value one bar ago"
    return f"unknown function `{name}`{did_you_mean(name, PUBLIC)}"
