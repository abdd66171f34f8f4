"""Turns Python's syntax tree of an expression into nodes of the strategy's tree, checking names and types.

Nothing is trusted: a construct, a name or a call that is not listed here, in `operators` or in `functions` is
refused, and every fault is reported with its place and with what to write instead. A translation that failed is
None, and whatever is made of it stays silent, so that one slip is one message.
"""

import ast
import sys
from collections.abc import Callable, Mapping, Sequence

from services.backtest.core.language.calls import call_problem, called, is_accepted
from services.backtest.core.language.draft import Demand, Draft
from services.backtest.core.language.functions import FUNCTIONS, PUBLIC, SERIES, TRUTH, Argument, Function
from services.backtest.core.language.kinds import Kind, condition, is_condition, is_number, number
from services.backtest.core.language.limits import MAX_JOINED, MAX_LAG, MAX_TOTAL_NODES
from services.backtest.core.language.operators import (
    ARITHMETIC,
    COMPARISONS,
    comparison_problem,
    operator_advice,
    unsupported,
)
from services.backtest.core.language.reader import Source, read, read_formula
from services.backtest.core.language.scalars import ScalarError, fold
from services.backtest.core.language.tree import Node, Op, Place, Scalar


def translate(draft: Draft, source: Source) -> int | None:
    """The position of the expression `source` in the draft's tree, or None after reporting what is wrong with it."""
    expression = read(source, draft.report)
    if expression is None:
        return None
    draft.parts += expression.parts
    if draft.parts > MAX_TOTAL_NODES:
        draft.report.add(source.pointer, f"the strategy has over {MAX_TOTAL_NODES} parts up to here; make it smaller")
        return None
    return _Translator(draft, source).visit(expression.tree)


class _Translator:
    """Translates one text.

    For a composed function's formula, `arguments` are what its names stand for and `call` is where it was called,
    which is where all that comes of it is said to be written.
    """

    def __init__(
        self, draft: Draft, source: Source, arguments: Mapping[str, int] | None = None, call: Place | None = None
    ) -> None:
        self._draft = draft
        self._tree = draft.tree
        self._source = source
        self._indent = source.indent
        self._arguments = arguments or {}
        self._call = call

    def visit(self, node: ast.expr) -> int | None:  # noqa: PLR0911  # one for each construct
        """The position of `node` in the tree, or None after reporting its faults."""
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Constant():
                return self._constant(node)
            case ast.Call():
                return self._function_call(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.Subscript():
                return self._lag(node)
            case ast.Compare():
                return self._comparison(node)
            case ast.BoolOp():
                return self._join(node)
            case ast.UnaryOp():
                return self._unary(node)
            case _:
                return self._fault(node, unsupported(node))

    def _name(self, node: ast.Name) -> int | None:
        name = node.id
        if name in self._arguments:
            return self._arguments[name]
        if name in self._draft.lets:
            return self._draft.lets[name]
        if name in self._draft.params:
            return self._add(node, Node(Op.PARAM, self._draft.params[name].kind, name=name))
        if name in SERIES:
            return self._add(node, Node(Op.SERIES, Kind.NUMBER_SERIES, name=name))
        if name in TRUTH:
            return self._placed(node, self._tree.constant(TRUTH[name]))
        return self._fault(node, self._draft.name_problem(name))

    def _constant(self, node: ast.Constant) -> int | None:
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) <= sys.float_info.max:
            return self._fault(node, "this number is too large")
        if isinstance(value, bool | int | float | str):
            return self._placed(node, self._tree.constant(value))
        return self._fault(node, unsupported(node))

    def _unary(self, node: ast.UnaryOp) -> int | None:
        operands = [self.visit(node.operand)]
        if isinstance(node.op, ast.USub):
            return self._arithmetic(node, Op.NEGATIVE, operands, [node.operand])
        if isinstance(node.op, ast.Not):
            return self._logic(node, Op.NOT, operands, [node.operand])
        return self._fault(node, operator_advice(node.op))

    def _binary(self, node: ast.BinOp) -> int | None:
        operands = [self.visit(node.left), self.visit(node.right)]
        op = ARITHMETIC.get(type(node.op))
        if op is None:
            return self._fault(node.left, operator_advice(node.op), after=True)
        return self._arithmetic(node, op, operands, [node.left, node.right])

    def _join(self, node: ast.BoolOp) -> int | None:
        op = Op.AND if isinstance(node.op, ast.And) else Op.OR
        return self._logic(node, op, [self.visit(value) for value in node.values], node.values)

    def _comparison(self, node: ast.Compare) -> int | None:
        written = [node.left, *node.comparators]
        operands = [self.visit(operand) for operand in written]
        pairs = [self._compare(sign, operands[i : i + 2], written[i : i + 2]) for i, sign in enumerate(node.ops)]
        return pairs[0] if len(pairs) == 1 else self._logic(node, Op.AND, pairs, node.comparators)

    def _compare(self, sign: ast.cmpop, operands: Sequence[int | None], written: Sequence[ast.expr]) -> int | None:
        left, right = operands
        if left is None or right is None:
            return None
        op = COMPARISONS.get(type(sign))
        if op is None:
            return self._fault(written[0], operator_advice(sign), after=True)
        nodes = (self._tree.nodes[left], self._tree.nodes[right])
        if problem := comparison_problem(op, nodes, self._draft.params):
            return self._fault(written[1], problem)
        return self._operation(written[0], op, condition(series=self._any_series((left, right))), (left, right))

    def _arithmetic(
        self, node: ast.expr, op: Op, operands: Sequence[int | None], written: Sequence[ast.expr]
    ) -> int | None:
        sign = "-" if op is Op.NEGATIVE else op
        accepted = self._accepted(operands, written, is_number, f"`{sign}` needs numbers, and this is")
        if accepted is None:
            return None
        return self._operation(node, op, number(series=self._any_series(accepted)), accepted)

    def _logic(self, node: ast.expr, op: Op, operands: Sequence[int | None], written: Sequence[ast.expr]) -> int | None:
        problem = f"`{op}` needs conditions such as `close > open`, and this is"
        accepted = self._accepted(operands, written, is_condition, problem)
        if accepted is None:
            return None
        return self._operation(node, op, condition(series=self._any_series(accepted)), accepted)

    def _lag(self, node: ast.Subscript) -> int | None:
        position = self.visit(node.value)
        bars = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not isinstance(bars, int) or isinstance(bars, bool) or bars > MAX_LAG:
            problem = f"`x[n]` is x as it was n bars ago; write a whole number from 0 to {MAX_LAG} for n"
            return self._fault(node.slice, problem)
        if position is None:
            return None
        inner = self._tree.nodes[position]
        if not inner.kind.is_series:
            # A formula may be given a single number where it looks back, as `crossover(x, 30)` does.
            if self._call is not None:
                return position
            return self._fault(node, f"this is {inner.kind.value}, the same on every bar; take the `[{bars}]` out")
        if inner.bars + bars > MAX_LAG:
            return self._fault(node.slice, f"this reaches back {inner.bars + bars} bars, {MAX_LAG} are allowed")
        return self._placed(node, self._tree.lag(position, bars))

    def _function_call(self, node: ast.Call) -> int | None:
        operands = [self.visit(argument) for argument in node.args if not isinstance(argument, ast.Starred)]
        # What a formula is made of is ours, so it may call what authors may not.
        function = called(node, PUBLIC if self._call is None else FUNCTIONS)
        problem = call_problem(node, function, self._draft)
        if problem is not None or function is None:
            return self._fault(node, problem or unsupported(node))
        arguments = zip(function.arguments, operands, node.args, strict=False)
        accepted = [self._argument(function, *argument) for argument in arguments]
        positions = [position for position in accepted if position is not None]
        return self._apply(node, function, positions) if len(positions) == len(accepted) else None

    def _argument(self, function: Function, argument: Argument, position: int | None, written: ast.expr) -> int | None:
        if position is None:
            return None
        label, kind = f"`{argument.name}` of `{function.name}`", self._tree.nodes[position].kind
        if not is_accepted(argument.role, kind):
            return self._fault(written, f"{label} must be {argument.role}, and this is {kind.value}")
        # A formula's own lengths follow from those of the call, which have been looked at.
        if argument.range is not None and self._call is None:
            self._draft.demands.setdefault((position, argument.range), Demand(label, self._place(written)))
        return position

    def _apply(self, node: ast.Call, function: Function, positions: Sequence[int]) -> int | None:
        if function.formula is None:
            kind = number(series=self._any_series(positions))
            return self._operation(node, Op.CALL, kind, tuple(positions), function.name)
        names = (argument.name for argument in function.arguments)
        arguments = dict(zip(names, positions, strict=False))
        inner = _Translator(self._draft, self._source, arguments, self._place(node))
        return inner.visit(read_formula(function.formula))

    def _accepted(
        self,
        operands: Sequence[int | None],
        written: Sequence[ast.expr],
        wanted: Callable[[Kind], bool],
        problem: str,
    ) -> tuple[int, ...] | None:
        """The operands when all are there and of the wanted kind, else None with a message for each that is not."""
        accepted: list[int] = []
        for operand, expression in zip(operands, written, strict=True):
            if operand is None:
                continue
            kind = self._tree.nodes[operand].kind
            if wanted(kind):
                accepted.append(operand)
            else:
                self._fault(expression, f"{problem} {kind.value}")
        return tuple(accepted) if len(accepted) == len(operands) else None

    def _any_series(self, positions: Sequence[int]) -> bool:
        return any(self._tree.nodes[position].kind.is_series for position in positions)

    def _operation(self, node: ast.expr, op: Op, kind: Kind, positions: tuple[int, ...], name: str = "") -> int | None:
        """The node of an operator or of a call, or its value when all it works on are constants."""
        values = [self._tree.nodes[position].value for position in positions]
        constants: list[Scalar] = [value for value in values if value is not None]
        if len(constants) < len(values):
            if op in {Op.AND, Op.OR}:
                return self._joined(node, op, kind, positions)
            return self._add(node, Node(op, kind, positions, name))
        try:
            return self._placed(node, self._tree.constant(fold(op, constants, name)))
        except ScalarError as error:
            return self._fault(node, str(error))

    def _joined(self, node: ast.expr, op: Op, kind: Kind, positions: Sequence[int]) -> int | None:
        joined = self._tree.joined(op, positions)
        # Names that join names could otherwise double what there is line by line.
        if len(joined) > MAX_JOINED:
            return self._fault(node, f"this `{op}` joins {len(joined)} conditions, {MAX_JOINED} are allowed")
        return self._add(node, Node(op, kind, joined))

    def _add(self, node: ast.expr, made: Node) -> int:
        return self._placed(node, self._tree.add(made))

    def _placed(self, node: ast.expr, position: int) -> int:
        if position not in self._draft.places:
            self._draft.places[position] = self._place(node)
        return position

    def _place(self, node: ast.expr) -> Place:
        return self._call or self._source.place(self._indent + node.col_offset)

    def _fault(self, node: ast.expr, message: str, *, after: bool = False) -> int | None:
        """Report what is wrong with `node`, or with the operator after it, and answer None."""
        place = self._place(node)
        if after:
            end = self._indent + (node.end_col_offset or 0)
            rest = self._source.text[end:]
            place = self._source.place(end + len(rest) - len(rest.lstrip(" \t\r\n)")))
        self._draft.report.add(place.pointer, message, place.line, place.column)
        return None
