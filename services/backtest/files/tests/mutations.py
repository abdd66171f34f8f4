"""Small damage to files, as accidents and attackers do it; the same seed does the same."""

import random
import re
from collections.abc import Callable, Sequence

_CELLS = (
    b"", b"0", b"-1", b"nan", b"NaN", b"inf", b"-inf", b"1e999", b"-0", b"null", b"None", b"1,5", b"1.234,5", b'"',
    b'""', b'"1', b"1\n2", b"\x00", b"\xff\xfe", b"\xe2\x80\xa8", b"9" * 400, b"1" * 19, b"2024-02-30", b"31/31/2024",
    b"24:00", b"1970-01-01", b"1677-09-21", b"2262-04-12T00:00:00", b"+14:00", b"AM", b"=1+1", b"\xc2\xa0", b"0x10",
    b"1_000", b"1 000", b"$", b"$1", b"5K", b"e5", b".", b",", b";", b"\t", b"\r", b"date", b"open",
    b"\xf0\x9f\x90\x82", b"\xed\xa0\x80", b"-9223372036854775808",
    b"99999999999999999999", b"0000-00-00", b"12:30 PM", b"T", b"Z",
)  # fmt: skip
_CELL = re.compile(rb"[^,;\t\r\n]*")

Mutation = Callable[[random.Random, bytearray], None]


def damaged(dice: random.Random, content: bytes, mutations: Sequence[Mutation]) -> bytes:
    """The content after one to four mutations."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        if changed:
            dice.choice(mutations)(dice, changed)
    return bytes(changed)


def _place(dice: random.Random, content: bytearray) -> int:
    # What stands at the beginning and at the end decides more than what is between.
    where = dice.random()
    if where < 0.2:
        return dice.randrange(min(len(content), 200))
    return len(content) - 1 - dice.randrange(min(len(content), 600)) if where < 0.4 else dice.randrange(len(content))


def flip(dice: random.Random, content: bytearray) -> None:
    """Change one bit."""
    content[_place(dice, content)] ^= 1 << dice.randrange(8)


def overwrite(dice: random.Random, content: bytearray) -> None:
    """Put other bytes in the place of some, extreme ones among them."""
    place, count = _place(dice, content), dice.randint(1, 8)
    content[place : place + count] = dice.choice(
        [bytes(count), b"\xff" * count, b"\x7f" * count, b"\x80" * count, dice.randbytes(count)]
    )


def cut_out(dice: random.Random, content: bytearray) -> None:
    """Take some bytes out."""
    place = _place(dice, content)
    del content[place : place + dice.choice([1, 2, 7, 40, 400])]


def cut_off(dice: random.Random, content: bytearray) -> None:
    """Take the end away."""
    del content[_place(dice, content) :]


def repeat(dice: random.Random, content: bytearray) -> None:
    """Put a copy of some bytes somewhere else."""
    place, length = _place(dice, content), dice.choice([1, 3, 30, 300])
    here = _place(dice, content)
    content[here:here] = content[place : place + length]


def other_cell(dice: random.Random, content: bytearray) -> None:
    """Put something odd in the place of a cell."""
    cells = list(_CELL.finditer(content))
    cell = dice.choice(cells)
    content[cell.start() : cell.end()] = dice.choice(_CELLS)


def swap_lines(dice: random.Random, content: bytearray) -> None:
    """Let two lines change places."""
    lines = content.split(b"\n")
    one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    content[:] = b"\n".join(lines)


def other_marks(dice: random.Random, content: bytearray) -> None:
    """Put one mark in the place of another, everywhere."""
    marks = [b",", b";", b"\t", b"|", b".", b":", b"-", b"/", b'"', b"\n", b"\r\n", b"\r", b" "]
    one, two = dice.sample(marks, 2)
    content[:] = content.replace(one, two)


BYTES: tuple[Mutation, ...] = (flip, overwrite, cut_out, cut_off, repeat)
TEXT: tuple[Mutation, ...] = (*BYTES, other_cell, other_cell, other_cell, swap_lines, other_marks)
