"""The machine that runs a program over one combination, block by block.

It works on two tables, `numbers` and `flags`, of the shape (lines, lag + bars). The first lines of each are registers,
the others the rows that combinations share. Of every line the first `lag` columns are what was before: missing numbers
and false flags before the first bar, and in a register, the last bars of the block before.
"""

import numpy as np

from services.backtest.core.engine.dtypes import Bits, Floats, Ints
from services.backtest.core.engine.jit import kernel
from services.backtest.core.sweep.blocks import (
    both,
    calculate,
    choose,
    either,
    finite,
    neither,
    relate,
    signalled,
    transform,
)
from services.backtest.core.sweep.instructions import NOTHING, NUMBER, Code, Source

BLOCK = 2560
"""The most bars of a block: a register of numbers or two this long fit the first cache, ten years of days one block."""

RELATE, BOTH, EITHER, NEITHER = Code.RELATE.value, Code.BOTH.value, Code.EITHER.value, Code.NEITHER.value
SMALLER = Code.SMALLER.value
SIGNAL, SERIES, ROW = Code.SIGNAL.value, Code.SERIES.value, Source.ROW.value
MISSING = NOTHING.place


@kernel
def block_of(bars: int) -> int:
    """How long the blocks are: as few as there can be, of the same length but for the last."""
    blocks = (bars + BLOCK - 1) // BLOCK
    return (bars + blocks - 1) // blocks


@kernel
def put(table: Floats, line: int, lag: int, series: Floats) -> None:
    """Write a series, read-only as all are, into a line of the table; a number that is not finite is none."""
    row = table[line]
    row[:lag] = np.nan
    out = row[lag:]
    for bar in range(len(series)):
        out[bar] = finite(series[bar])


@kernel
def run_program(
    code: Ints, histories: Ints, numbers: Floats, flags: Bits, lag: int, signals: Bits, outputs: Floats
) -> None:
    """Fill `signals` and `outputs`, of the shapes (bars,) and (outputs, bars), for one combination.

    `code` is the program's with lines in the place of rows (see `linked`), `histories` are the program's.
    """
    bars = len(signals)
    block = block_of(bars)
    signals[:] = 0
    _forget(histories, numbers, flags, lag)
    for begin in range(0, bars, block):
        size = min(block, bars - begin)
        for place in range(len(code)):
            _step(code[place], numbers, flags, lag, begin, size, signals, outputs)
        _remember(histories, numbers, flags, lag, size)


@kernel
def linked(code: Ints, slots: Ints, number_rows: int, out: Ints) -> None:
    """Put the lines of one combination's rows into `out`, a copy of `code`: `slots` has those of numbers first."""
    for place in range(len(code)):
        first_flag = number_rows if BOTH <= code[place, 0] <= SIGNAL else 0
        for operand in (2, 6):
            index = code[place, operand + 1]
            if code[place, operand] == ROW and index != MISSING:
                out[place, operand + 1] = slots[first_flag + index]


@kernel
def _step(
    step: Ints, numbers: Floats, flags: Bits, lag: int, begin: int, size: int, signals: Bits, outputs: Floats
) -> None:
    code, to, a, a_mask, b, b_mask = step[0], step[1], step[3], step[5], step[7], step[9]
    a_start = lag - step[4] + (begin if step[2] == ROW else 0)
    b_start = lag - step[8] + (begin if step[6] == ROW else 0)
    if code == RELATE:
        relate(numbers, a, a_start, b, b_start, flags, to, lag, size)
    elif code == BOTH:
        both(flags, a, a_start, a_mask, b, b_start, b_mask, to, lag, size)
    elif code == EITHER:
        either(flags, a, a_start, a_mask, b, b_start, b_mask, to, lag, size)
    elif code == NEITHER:
        neither(flags, a, a_start, a_mask, to, lag, size)
    elif code == SIGNAL:
        signalled(flags, a, a_start, a_mask, to, signals, begin, size)
    elif code == SERIES:
        outputs[to, begin : begin + size] = numbers[a, a_start : a_start + size]
    elif b == MISSING:
        transform(code, numbers, a, a_start, to, lag, size)
    elif code >= SMALLER:
        choose(code, numbers, a, a_start, b, b_start, to, lag, size)
    else:
        calculate(code, numbers, a, a_start, b, b_start, to, lag, size)


@kernel
def _forget(histories: Ints, numbers: Floats, flags: Bits, lag: int) -> None:
    """Nothing was before the first bar."""
    for place in range(len(histories)):
        sort, register, back = histories[place]
        if sort == NUMBER:
            numbers[register, lag - back : lag] = np.nan
        else:
            flags[register, lag - back : lag] = 0


@kernel
def _remember(histories: Ints, numbers: Floats, flags: Bits, lag: int, size: int) -> None:
    """Move the last bars of the registers that are read lagged to before the next block."""
    for place in range(len(histories)):
        sort, register, back = histories[place]
        for column in range(lag - back, lag):
            if sort == NUMBER:
                numbers[register, column] = numbers[register, column + size]
            else:
                flags[register, column] = flags[register, column + size]
