"""The series that combinations share, each computed once and kept while there is room."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.evaluate import go_on, raw_call, valued
from services.backtest.core.engine.operators import Value
from services.backtest.core.language.tree import Op
from services.backtest.core.sweep.machine import put
from services.backtest.core.sweep.recipes import Recipes, fixed_number


class RowStore:
    """The machine's table of numbers, shape (lines, lag + bars), with at most `most` rows below its `registers`.

    `fixed` are series that no param changes, by the position of their node; those of them in `kept` are rows for good,
    the first ones. All others give way to others when they have been unused for longest. What rows are made of on the
    way is kept beside them, up to `spare` bytes. `between` is called before each series and within one that takes long;
    after what it raises the store is as good as before.
    """

    def __init__(
        self,
        bars: Bars,
        recipes: Recipes,
        fixed: Mapping[int, Value],
        kept: Sequence[int],
        *,
        registers: int,
        lag: int,
        most: int,
        spare: int,
        between: Callable[[], None] = go_on,
    ) -> None:
        self.table = np.empty((registers, lag + len(bars)))
        self._bars, self._recipes, self._fixed = bars, recipes, fixed
        self._lag, self._most, self._spare = lag, most, spare
        self._between = between
        self._first, self._kept = registers, len(kept)
        self._slots: OrderedDict[int, int] = OrderedDict()
        self._inner: OrderedDict[int, Value] = OrderedDict()
        self._inner_bytes = 0
        self._grow(self._kept)
        for slot, position in enumerate(kept):
            put(self.table, registers + slot, lag, np.asarray(fixed[position]))

    @property
    def room(self) -> int:
        """How many rows there can be at a time beside those that are there for good."""
        return self._most - self._kept

    def slots(self, numbers: Sequence[int]) -> list[int]:
        """The lines of these different series, at most `room`, computed if they were not there."""
        missing = 0
        for number in numbers:
            if number in self._slots:
                self._slots.move_to_end(number)
            else:
                missing += 1
        self._grow(self._kept + len(self._slots) + missing)
        return [self._slots[number] if number in self._slots else self._placed(number) for number in numbers]

    def clear(self) -> None:
        """Forget all rows but those that are there for good."""
        self._slots.clear()
        self._inner.clear()
        self._inner_bytes = 0

    def _grow(self, rows: int) -> None:
        """Have lines for that many rows: at first just so many, after that for all there may be at most.

        Memory is taken as lines are written, not as they are asked for.
        """
        there = len(self.table) - self._first
        if rows > there and self._most > there:
            larger = np.empty((self._first + (self._most if there else rows), self.table.shape[1]))
            larger[self._first : self._first + there] = self.table[self._first :]
            self.table = larger

    def _placed(self, number: int) -> int:
        series = self._inner[number] if number in self._inner else self._made(number)
        line = self._first + self._kept + len(self._slots)
        if line == len(self.table):
            line = self._slots.popitem(last=False)[1]
        put(self.table, line, self._lag, np.asarray(series))
        self._slots[number] = line
        return line

    def _made(self, number: int) -> Value:
        """A series that is not there, which may still have infinite numbers; what it is made of is made first."""
        made: dict[int, Value] = {}
        waiting = [number]
        while waiting:
            self._between()
            recipe = self._recipes[waiting[-1]]
            operands: list[Value] = []
            for operand, is_series in zip(recipe.operands, recipe.is_series, strict=True):
                value = self._found(int(operand), made) if is_series else operand
                if value is None:
                    waiting.append(int(operand))
                    break
                operands.append(value)
            else:
                if len(waiting) == 1 and recipe.node.op is Op.CALL:
                    series = raw_call(recipe.node.name, operands, self._between)
                    series.flags.writeable = False
                    return series
                last = waiting.pop()
                made[last] = valued(recipe.node, operands, self._bars, self._between)
                if waiting:
                    self._remember(last, made[last])
        return made[number]

    def _found(self, number: int, made: Mapping[int, Value]) -> Value | None:
        if number in made:
            return made[number]
        if number < 0:
            return self._fixed[fixed_number(number)]
        if number in self._slots:
            row = self.table[self._slots[number], self._lag :]
            row.flags.writeable = False
            return row
        if number in self._inner:
            self._inner.move_to_end(number)
        return self._inner.get(number)

    def _remember(self, number: int, series: Value) -> None:
        self._inner[number] = series
        self._inner_bytes += np.asarray(series).nbytes
        while self._inner_bytes > self._spare:
            self._inner_bytes -= np.asarray(self._inner.popitem(last=False)[1]).nbytes
