"""The instructions that a combination's vector operations are written in, and the machine they are for.

A strategy becomes one list of instructions, the same for every combination. Each works on a block of bars, small
enough for the first cache: it reads rows, which combinations share, or registers, which hold a block of what the
combination computed itself, and writes a register. Whatever it reads may be as of some bars ago.

A flag is a byte. `RELATE` leaves how two numbers compare, and a comparison is a mask over that byte, so that `a > b`
and `a[1] <= b[1]` are one pass over the numbers. A missing number compares with nothing: no bit is set.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.language.tree import Op

ABOVE, SAME, BELOW = 1, 2, 4
"""The bits of a relation."""
ANY = 255
"""The mask of every other flag."""

MASKS = {
    Op.GREATER: ABOVE,
    Op.GREATER_EQUAL: ABOVE | SAME,
    Op.LESS: BELOW,
    Op.LESS_EQUAL: BELOW | SAME,
    Op.EQUAL: SAME,
    Op.NOT_EQUAL: ABOVE | BELOW,
}
MIRRORED = {ABOVE: BELOW, ABOVE | SAME: BELOW | SAME, BELOW: ABOVE, BELOW | SAME: ABOVE | SAME}
"""The masks of a comparison whose sides were exchanged; those that are not here stay."""


class Code(IntEnum):
    """What an instruction does."""

    RELATE = 0  # flag register: how two numbers compare
    BOTH = 1  # flag register: a and b
    EITHER = 2  # flag register: a or b
    NEITHER = 3  # flag register: not a
    SIGNAL = 4  # signals: those where the flag is set get the bits of `to`
    SERIES = 5  # output `to`: a number
    NEGATIVE = 6  # number registers from here on: of one number
    ABSOLUTE = 7
    ROOT = 8
    SIGN = 9
    ADD = 10  # of two numbers
    SUBTRACT = 11
    MULTIPLY = 12
    DIVIDE = 13
    SMALLER = 14  # one of two numbers
    GREATER = 15


OPERATORS = {
    Op.NEGATIVE: Code.NEGATIVE,
    Op.ADD: Code.ADD,
    Op.SUBTRACT: Code.SUBTRACT,
    Op.MULTIPLY: Code.MULTIPLY,
    Op.DIVIDE: Code.DIVIDE,
}
FUNCTIONS = {
    "abs": Code.ABSOLUTE,
    "min": Code.SMALLER,
    "max": Code.GREATER,
    "sqrt": Code.ROOT,
    "sign": Code.SIGN,
}
"""The functions of one bar's values; any other is computed over the whole series and shared."""


class Source(IntEnum):
    """Where an operand stands."""

    ROW = 0
    REGISTER = 1


NUMBER, FLAG = 0, 1
"""The sorts of registers."""


class Operand(NamedTuple):
    """What an instruction reads: a row or a register, some bars ago, and of a flag, which bits count."""

    source: int
    place: int
    lag: int = 0
    mask: int = ANY


NOTHING = Operand(Source.ROW, -1)


class Instruction(NamedTuple):
    """One step; `to` is a register, the bits of a signal, or an output."""

    code: int
    to: int
    a: Operand
    b: Operand = NOTHING


WIDTH = 2 + 2 * len(Operand._fields)


def encoded(instructions: list[Instruction]) -> Ints:
    """The instructions as the kernel reads them, shape (instructions, WIDTH): code, to, and both operands."""
    rows = [[item.code, item.to, *item.a, *item.b] for item in instructions]
    return np.array(rows, np.int64).reshape(len(rows), WIDTH)
