"""Writes the instructions for the rules of a strategy."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import reduce

from services.backtest.core.language.kinds import is_number
from services.backtest.core.language.tree import Node, Op
from services.backtest.core.sweep.instructions import (
    FUNCTIONS,
    MASKS,
    MIRRORED,
    NOTHING,
    OPERATORS,
    Code,
    Instruction,
    Operand,
    Source,
)


@dataclass(slots=True)
class Writer:
    """Instructions while they are written.

    `rows` and `flag_rows` number the shared nodes that are read, `singles` and `flag_singles` the registers that hold
    one value for the whole of a combination, all by the position of their node.
    """

    nodes: Sequence[Node]
    shared: Set[int]
    instructions: list[Instruction] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    flag_rows: dict[int, int] = field(default_factory=dict)
    singles: dict[int, int] = field(default_factory=dict)
    flag_singles: dict[int, int] = field(default_factory=dict)
    numbers: int = 0
    flags: int = 0
    _operands: dict[int, Operand] = field(default_factory=dict)
    _relations: dict[tuple[Operand, Operand], int] = field(default_factory=dict)

    def compute(self, positions: Iterable[int]) -> None:
        """Write what these nodes take, in their order, in which operands come before what they make."""
        for position in positions:
            node = self.nodes[position]
            operand = self._number(position, node) if is_number(node.kind) else self._flag(position, node)
            self._operands[position] = operand

    def signal(self, position: int, bits: int) -> None:
        """Set `bits` of the signals where the condition at `position` holds."""
        self.instructions.append(Instruction(Code.SIGNAL, bits, self._operands[position]))

    def series(self, position: int, output: int) -> None:
        """Copy the numbers at `position` to an output."""
        self.instructions.append(Instruction(Code.SERIES, output, self._operands[position]))

    def _number(self, position: int, node: Node) -> Operand:
        if not node.kind.is_series:
            to = self._number_register()
            self.singles[position] = to.place
            return to
        if position in self.shared:
            return Operand(Source.ROW, self.rows.setdefault(position, len(self.rows)))
        operands = [self._operands[part] for part in node.args]
        if node.op is Op.LAG:
            return operands[0]._replace(lag=operands[0].lag + node.bars)
        code = FUNCTIONS[node.name] if node.op is Op.CALL else OPERATORS[node.op]
        to = self._number_register()
        self.instructions.append(Instruction(code, to.place, *operands))
        return to

    def _flag(self, position: int, node: Node) -> Operand:
        if not node.kind.is_series:
            to = self._flag_register()
            self.flag_singles[position] = to.place
            return to
        if position in self.shared:
            return Operand(Source.ROW, self.flag_rows.setdefault(position, len(self.flag_rows)))
        operands = [self._operands[part] for part in node.args]
        if node.op in MASKS:
            series = [self.nodes[part].kind.is_series for part in node.args]
            return self._comparison(node.op, operands[0], operands[1], series)
        if node.op is Op.LAG:
            return operands[0]._replace(lag=operands[0].lag + node.bars)
        if node.op is Op.NOT:
            return self._flag_instruction(Code.NEITHER, operands[0])
        code = Code.BOTH if node.op is Op.AND else Code.EITHER
        return reduce(lambda joined, operand: self._flag_instruction(code, joined, operand), operands)

    def _comparison(self, op: Op, a: Operand, b: Operand, series: Sequence[bool]) -> Operand:
        """A mask over the relation of two numbers.

        Where both are lagged, or one is and the other is the same on every bar, the relation is lagged in their place:
        before the first bar it is false either way.
        """
        lag = min(operand.lag for operand, varies in zip((a, b), series, strict=True) if varies)
        a, b = (operand._replace(lag=max(operand.lag - lag, 0)) for operand in (a, b))
        mask = MASKS[op]
        if (b, a) in self._relations:
            a, b, mask = b, a, MIRRORED.get(mask, mask)
        if (a, b) not in self._relations:
            self._relations[a, b] = self._flag_instruction(Code.RELATE, a, b).place
        return Operand(Source.REGISTER, self._relations[a, b], lag, mask)

    def _flag_instruction(self, code: Code, a: Operand, b: Operand = NOTHING) -> Operand:
        to = self._flag_register()
        self.instructions.append(Instruction(code, to.place, a, b))
        return to

    def _number_register(self) -> Operand:
        self.numbers += 1
        return Operand(Source.REGISTER, self.numbers - 1)

    def _flag_register(self) -> Operand:
        self.flags += 1
        return Operand(Source.REGISTER, self.flags - 1)
