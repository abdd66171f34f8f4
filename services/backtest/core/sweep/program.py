"""A strategy's rules as a program for the sweep's kernel."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.language.tree import Node, reachable
from services.backtest.core.sweep.fitting import fit, refitted
from services.backtest.core.sweep.instructions import FLAG, NUMBER, encoded
from services.backtest.core.sweep.writer import Writer


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What the kernel runs for each combination.

    `rows`, then `flag_rows`, are the nodes to be had as rows, in the order of the kernel's slots. `singles` are the
    nodes with one value for a combination, in the order of its columns, and `targets`, shape (singles, 2), say where
    each goes: the sort of register, and which. `histories`, shape (registers, 3), are the registers that are read
    lagged: sort, register, bars. There are `numbers` and `flags` registers of each sort, and `lag` is the most bars
    that anything is read back.
    """

    code: Ints
    rows: tuple[int, ...]
    flag_rows: tuple[int, ...]
    singles: tuple[int, ...]
    targets: Ints
    histories: Ints
    numbers: int
    flags: int
    lag: int


def write_program(
    nodes: Sequence[Node],
    rows: Set[int],
    signals: Sequence[tuple[int, int]],
    outputs: Sequence[tuple[int, int]],
) -> Program:
    """The program for `signals`, conditions and the bits they set, and `outputs`, numbers and where they go.

    Conditions and numbers are positions in `nodes`; those in `rows` are to be read as rows.
    """
    writer = Writer(nodes, rows)
    wanted = [position for position, _ in (*signals, *outputs)]
    writer.compute(
        reachable(nodes, wanted, whole=rows | {p for p, node in enumerate(nodes) if not node.kind.is_series})
    )
    for position, bits in signals:
        writer.signal(position, bits)
    for position, output in outputs:
        writer.series(position, output)
    return _fitted(writer)


def _fitted(writer: Writer) -> Program:
    numbers = fit(writer.instructions, writer.singles.values(), flags=False)
    flags = fit(writer.instructions, writer.flag_singles.values(), flags=True)
    instructions = [refitted(item, numbers, flags) for item in writer.instructions]
    targets = [(NUMBER, numbers.moved[register]) for register in writer.singles.values()]
    targets += [(FLAG, flags.moved[register]) for register in writer.flag_singles.values()]
    histories = [(NUMBER, register, lag) for register, lag in numbers.lags.items()]
    histories += [(FLAG, register, lag) for register, lag in flags.lags.items()]
    return Program(
        code=encoded(instructions),
        rows=tuple(writer.rows),
        flag_rows=tuple(writer.flag_rows),
        singles=(*writer.singles, *writer.flag_singles),
        targets=np.array(targets, np.int64).reshape(-1, 2),
        histories=np.array(histories, np.int64).reshape(-1, 3),
        numbers=numbers.count,
        flags=flags.count,
        lag=max(operand.lag for item in instructions for operand in (item.a, item.b)),
    )
