"""Fits what a program keeps into few registers, so that they stay in the first cache."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.backtest.core.sweep.instructions import Code, Instruction, Operand, Source

_MAKE_FLAGS = {Code.RELATE, Code.BOTH, Code.EITHER, Code.NEITHER}
_READ_FLAGS = {Code.BOTH, Code.EITHER, Code.NEITHER, Code.SIGNAL}
_MAKE_NOTHING = {Code.SIGNAL, Code.SERIES}


@dataclass(frozen=True, slots=True)
class Fitting:
    """Where the registers of one sort went: `moved` from old to new, `count` how many are left, and `lags`, how far
    back those that are read lagged are.
    """

    moved: dict[int, int]
    count: int
    lags: dict[int, int]


def reads(item: Instruction, *, flags: bool) -> list[Operand]:
    """The registers, of flags or of numbers, that an instruction reads."""
    if (item.code in _READ_FLAGS) != flags:
        return []
    return [operand for operand in (item.a, item.b) if operand.source == Source.REGISTER]


def makes(item: Instruction, *, flags: bool) -> bool:
    """Whether an instruction writes a register of that sort."""
    return item.code not in _MAKE_NOTHING and (item.code in _MAKE_FLAGS) == flags


def fit(instructions: Sequence[Instruction], singles: Collection[int], *, flags: bool) -> Fitting:
    """Give registers of one sort to others once they are read for the last time.

    `singles`, which are set before the first block, and those that are read lagged keep theirs.
    """
    last: dict[int, int] = {}
    lags: dict[int, int] = {}
    for place, item in enumerate(instructions):
        for operand in reads(item, flags=flags):
            last[operand.place] = place
            if operand.lag:
                lags[operand.place] = max(lags.get(operand.place, 0), operand.lag)
    moved = {register: place for place, register in enumerate(singles)}
    free: list[int] = []
    kept = set(singles)
    count = len(moved)
    for place, item in enumerate(instructions):
        if makes(item, flags=flags):
            if free and item.to not in lags:
                moved[item.to] = free.pop()
            else:
                moved[item.to], count = count, count + 1
        done = {o.place for o in reads(item, flags=flags) if last[o.place] == place}
        free.extend(moved[register] for register in sorted(done - lags.keys() - kept))
    return Fitting(moved, count, {moved[register]: lag for register, lag in lags.items()})


def refitted(item: Instruction, numbers: Fitting, flags: Fitting) -> Instruction:
    """The instruction with its registers where they went."""
    read = flags if item.code in _READ_FLAGS else numbers
    a, b = (
        operand._replace(place=read.moved[operand.place]) if operand.source == Source.REGISTER else operand
        for operand in (item.a, item.b)
    )
    if makes(item, flags=True):
        return Instruction(item.code, flags.moved[item.to], a, b)
    if makes(item, flags=False):
        return Instruction(item.code, numbers.moved[item.to], a, b)
    return Instruction(item.code, item.to, a, b)
