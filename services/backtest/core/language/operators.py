"""The operators of the language, the rules for comparing, and what to write instead of those it has not."""

import ast
from collections.abc import Mapping

from services.backtest.core.language.kinds import Kind, is_number
from services.backtest.core.language.params import Param
from services.backtest.core.language.suggest import did_you_mean
from services.backtest.core.language.tree import Node, Op

ARITHMETIC: Mapping[type[ast.operator], Op] = {
    ast.Add: Op.ADD,
    ast.Sub: Op.SUBTRACT,
    ast.Mult: Op.MULTIPLY,
    ast.Div: Op.DIVIDE,
    ast.Mod: Op.MODULO,
    ast.Pow: Op.POWER,
}

COMPARISONS: Mapping[type[ast.cmpop], Op] = {
    ast.Gt: Op.GREATER,
    ast.GtE: Op.GREATER_EQUAL,
    ast.Lt: Op.LESS,
    ast.LtE: Op.LESS_EQUAL,
    ast.Eq: Op.EQUAL,
    ast.NotEq: Op.NOT_EQUAL,
}

_INSTEAD: Mapping[type[ast.AST], str] = {
    ast.BitAnd: "`&` is not part of the language; write `and`",
    ast.BitOr: "`|` is not part of the language; write `or`",
    ast.BitXor: "`^` is not part of the language; write `**` for a power",
    ast.Invert: "`~` is not part of the language; write `not`",
    ast.UAdd: "a `+` in front of a value does nothing; take it out",
    ast.FloorDiv: "`//` is not part of the language; write `/`",
    ast.Is: "`is` is not part of the language; write `==`",
    ast.IsNot: "`is not` is not part of the language; write `!=`",
    ast.Attribute: "nothing has attributes; write a name or a function call on its own",
    ast.IfExp: "`if ... else` is not part of the language; combine conditions with `and`, `or` and `not`",
    ast.NamedExpr: "nothing can be assigned here; give the value a name under `let`",
    ast.Tuple: "a comma stands between the arguments of a function only; join conditions with `and`",
}


def operator_advice(operator: ast.operator | ast.unaryop | ast.cmpop) -> str:
    """What to write instead of an operator the language has not."""
    return _INSTEAD.get(
        type(operator),
        "this operator is not part of the language; write one of + - * / % ** > >= < <= == != and or not",
    )


def unsupported(node: ast.expr) -> str:
    """What to write instead of a construct the language has not."""
    return _INSTEAD.get(
        type(node), "this is not part of the language; write numbers, names, operators and function calls"
    )


def comparison_problem(op: Op, operands: tuple[Node, Node], params: Mapping[str, Param]) -> str | None:
    """What is wrong with comparing these two, or None."""
    left, right = operands
    if is_number(left.kind) and is_number(right.kind):
        return None
    if left.kind is not Kind.TEXT or right.kind is not Kind.TEXT:
        return (
            f"cannot compare {left.kind.value} with {right.kind.value}; compare numbers with numbers, "
            "and use a condition as it is, with `and`, `or` or `not`"
        )
    if op not in {Op.EQUAL, Op.NOT_EQUAL}:
        return f"texts have no order; write `==` or `!=` instead of `{op}`"
    return _never_chosen(left, right, params) or _never_chosen(right, left, params)


def _never_chosen(param: Node, text: Node, params: Mapping[str, Param]) -> str | None:
    if param.op is not Op.PARAM or text.op is not Op.CONSTANT:
        return None
    choices = [str(choice) for choice in params[param.name].choices]
    if text.value in choices:
        return None
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return f"`{param.name}` is never '{text.value}'; it is one of {listed}{did_you_mean(str(text.value), choices)}"
