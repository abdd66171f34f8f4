"""Vector operations on one block of bars: what `engine/operators.py` does to whole series, to the bit.

An operand is a line of a table and the column its block begins at; the result goes to line `to` from column `start` on.
A number that is not finite is none. A flag holds where any bit of its mask is set.

The tables are handed down whole and cut at the very end: numba counts references to arrays, and at every hand over of
several of them in one value that takes longer than a block does.
"""

import math
import sys

import numpy as np

from services.backtest.core.engine.dtypes import Bits, Floats
from services.backtest.core.engine.jit import kernel
from services.backtest.core.sweep.instructions import ABOVE, BELOW, SAME, Code

LARGEST = sys.float_info.max
NEGATIVE, ADD, SUBTRACT = Code.NEGATIVE.value, Code.ADD.value, Code.SUBTRACT.value
MULTIPLY, DIVIDE = Code.MULTIPLY.value, Code.DIVIDE.value
ABSOLUTE, SMALLER, GREATER = Code.ABSOLUTE.value, Code.SMALLER.value, Code.GREATER.value
ROOT, SIGN = Code.ROOT.value, Code.SIGN.value
NO, ABOVE_BIT, SAME_BIT, BELOW_BIT = np.uint8(0), np.uint8(ABOVE), np.uint8(SAME), np.uint8(BELOW)


@kernel
def relate(
    numbers: Floats, a: int, a_start: int, b: int, b_start: int, flags: Bits, to: int, start: int, size: int
) -> None:
    """How each number of a compares with that of b; a missing one has no bit."""
    x, y = numbers[a, a_start : a_start + size], numbers[b, b_start : b_start + size]
    out = flags[to, start : start + size]
    for bar in range(size):
        relation = ABOVE_BIT if x[bar] > y[bar] else NO
        relation |= SAME_BIT if x[bar] == y[bar] else NO
        relation |= BELOW_BIT if x[bar] < y[bar] else NO
        out[bar] = relation


@kernel
def both(
    flags: Bits, a: int, a_start: int, a_mask: int, b: int, b_start: int, b_mask: int, to: int, start: int, size: int
) -> None:
    """a and b, as any bit."""
    x, y = flags[a, a_start : a_start + size], flags[b, b_start : b_start + size]
    out, of_x, of_y = flags[to, start : start + size], np.uint8(a_mask), np.uint8(b_mask)
    for bar in range(size):
        # The smaller of two is 0 unless neither is; wider integers on the way would cost the vector places.
        out[bar] = min(np.uint8(x[bar] & of_x), np.uint8(y[bar] & of_y))


@kernel
def either(
    flags: Bits, a: int, a_start: int, a_mask: int, b: int, b_start: int, b_mask: int, to: int, start: int, size: int
) -> None:
    """a or b, as any bit."""
    x, y = flags[a, a_start : a_start + size], flags[b, b_start : b_start + size]
    out, of_x, of_y = flags[to, start : start + size], np.uint8(a_mask), np.uint8(b_mask)
    for bar in range(size):
        out[bar] = np.uint8(x[bar] & of_x) | np.uint8(y[bar] & of_y)


@kernel
def neither(flags: Bits, a: int, a_start: int, a_mask: int, to: int, start: int, size: int) -> None:
    """not a."""
    x, out, of_x = flags[a, a_start : a_start + size], flags[to, start : start + size], np.uint8(a_mask)
    for bar in range(size):
        out[bar] = np.uint8(1) if np.uint8(x[bar] & of_x) == NO else NO


@kernel
def signalled(flags: Bits, a: int, a_start: int, a_mask: int, bits: int, signals: Bits, start: int, size: int) -> None:
    """Add `bits` to the signals where a holds."""
    x, out = flags[a, a_start : a_start + size], signals[start : start + size]
    of_x, added = np.uint8(a_mask), np.uint8(bits)
    for bar in range(size):
        out[bar] = np.uint8(out[bar] | (added if np.uint8(x[bar] & of_x) != NO else NO))


@kernel
def calculate(
    code: int, numbers: Floats, a: int, a_start: int, b: int, b_start: int, to: int, start: int, size: int
) -> None:
    """An operation of arithmetic."""
    x, y = numbers[a, a_start : a_start + size], numbers[b, b_start : b_start + size]
    out = numbers[to, start : start + size]
    if code == ADD:
        for bar in range(size):
            out[bar] = finite(x[bar] + y[bar])
    elif code == SUBTRACT:
        for bar in range(size):
            out[bar] = finite(x[bar] - y[bar])
    elif code == MULTIPLY:
        for bar in range(size):
            out[bar] = finite(x[bar] * y[bar])
    else:
        for bar in range(size):
            out[bar] = finite(x[bar] / y[bar])


@kernel
def choose(
    code: int, numbers: Floats, a: int, a_start: int, b: int, b_start: int, to: int, start: int, size: int
) -> None:
    """One of two numbers."""
    x, y = numbers[a, a_start : a_start + size], numbers[b, b_start : b_start + size]
    out = numbers[to, start : start + size]
    if code == SMALLER:
        for bar in range(size):
            out[bar] = np.minimum(x[bar], y[bar])
    else:
        for bar in range(size):
            out[bar] = np.maximum(x[bar], y[bar])


@kernel
def transform(code: int, numbers: Floats, a: int, a_start: int, to: int, start: int, size: int) -> None:
    """An operation on a single number."""
    x, out = numbers[a, a_start : a_start + size], numbers[to, start : start + size]
    if code == NEGATIVE:
        for bar in range(size):
            out[bar] = -x[bar]
    elif code == ABSOLUTE:
        for bar in range(size):
            out[bar] = np.abs(x[bar])
    elif code == ROOT:
        for bar in range(size):
            out[bar] = np.sqrt(x[bar])
    else:
        for bar in range(size):
            out[bar] = np.sign(x[bar])


@kernel
def finite(value: float) -> float:
    """`value`, or none when it is not finite."""
    return value if abs(value) <= LARGEST else math.nan
