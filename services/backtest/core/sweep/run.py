"""A sweep: one strategy on one set of bars with many combinations of params, ten metrics for each."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import count

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Bits, Floats, Ints, Ten
from services.backtest.core.engine.evaluate import evaluate, go_on
from services.backtest.core.engine.operators import Value
from services.backtest.core.execution import check_execution, sides_of
from services.backtest.core.language.bind import bound_nodes
from services.backtest.core.language.kinds import Kind
from services.backtest.core.language.tree import Node
from services.backtest.core.setting import calendar_of, market_of, rules_of
from services.backtest.core.sweep.combination_kernel import Setting, Work, run_combinations
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.plan import OUTPUTS, plan_sweep
from services.backtest.core.sweep.recipes import Recipes
from services.backtest.core.sweep.result import SweepResult, concatenated
from services.backtest.core.sweep.row_store import RowStore
from services.backtest.core.sweep.sharing import Sharing, batches, shared_series
from services.backtest.core.sweep.single import FIXED, Single
from services.backtest.core.sweep.singles import Singles, completed, spans
from services.backtest.core.sweep.slices import SLICE_WORK, slice_size
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.validity import valid
from shared.contracts.values import Execution

ROW_BYTES = 256 * 2**20
"""What the series that combinations share may take, unless one combination alone takes more."""
RECIPES_MOST = 200_000
"""Distinct series after which all are forgotten, so that a sweep over billions of them stays small."""


class Sweep:
    """A sweep that is ready to run, whole or by slices, here or in several processes.

    Raises InvalidExecution when the strategy cannot be run as asked.
    """

    def __init__(self, bars: Bars, execution: Execution, space: Space, *, row_bytes: int = ROW_BYTES) -> None:
        spec = space.spec
        check_execution(execution, spec)
        self._bars, self._space, self._row_bytes = bars, space, row_bytes
        self._between: Callable[[], None] = go_on
        self._plan = plan_sweep(spec, space.axes, sides_of(execution))
        self._known = completed(spec.tree.nodes, self._plan.single_nodes, space.singles)
        self._recipes = Recipes(spec.tree.nodes, self._plan.fixed)
        self._open = [position for position in self._plan.single_nodes if position not in self._known]
        calendar = calendar_of(bars)
        self._setting = Setting(
            market=market_of(bars),
            rules=rules_of(execution, spec.sizing, calendar.bars_per_year),
            bars_per_year=calendar.bars_per_year or math.nan,
            days=calendar.days,
            code=self._plan.program.code,
            histories=self._plan.program.histories,
            targets=self._plan.program.targets,
            number_rows=len(self._plan.program.rows),
            lag=self._plan.program.lag,
            terms=np.array([term in spec.terms for term in OUTPUTS], np.int64),
        )

    @property
    def row_bytes_taken(self) -> int:
        """What the series that combinations share take now."""
        return self._store.table.nbytes

    def slices(self, work: int = SLICE_WORK) -> list[tuple[int, int]]:
        """Ranges of the space's numbers that make up the sweep, of about `work` bars times combinations each.

        They are the same wherever they are asked for, so that processes may share them out.
        """
        size = slice_size(self._space.stop, len(self._bars), work)
        return [(start, min(start + size, self._space.stop)) for start in range(0, self._space.stop, size)]

    def run(self, start: int, stop: int, between: Callable[[], None] = go_on) -> SweepResult:
        """The combinations numbered `start` up to but without `stop`.

        `between` is called between the parts of the work. After what it raises others can be run, by one at a time.
        """
        self._between = between
        combinations = self._space.combinations(start, stop)
        metrics = np.full((len(Ten._fields), len(combinations)), np.nan)
        singles = self._singles(combinations)
        sound = valid(self._space.spec, singles, combinations)
        if sound.all():
            self._fill(metrics, np.arange(len(combinations)), combinations, singles)
        elif sound.any():
            kept = combinations.where(sound)
            self._fill(metrics, np.flatnonzero(sound), kept, self._singles(kept))
        return SweepResult(combinations, metrics, sound)

    def _singles(self, combinations: Combinations) -> Singles:
        known = self._known | spans(self._space.spec, combinations)
        return completed(self._plan.nodes, self._open, known, combinations)

    def _fill(self, metrics: Floats, places: Ints, combinations: Combinations, singles: Singles) -> None:
        """Fill the columns `places` of `metrics` for these combinations, which are all valid."""
        plan, store = self._plan, self._store
        if len(self._recipes) > RECIPES_MOST:
            self._recipes.clear()
            store.clear()
        sharing = shared_series(plan.shared, singles, combinations, self._recipes)
        decisions = plan.first.bars(plan.nodes, singles, combinations)
        values = np.empty((len(combinations), len(plan.program.singles)))
        for column, position in enumerate(plan.program.singles):
            # As a constant in a bound strategy, 0 has no sign.
            values[:, column] = singles[position].each(combinations) + 0.0
        wanted = list(dict.fromkeys(number for series in sharing for number in series.numbers))
        if len(wanted) <= store.room:
            slots = self._slots(sharing, wanted, len(combinations))
            run_combinations(Work(places, slots, values, decisions), self._setting, store.table, self._flags, metrics)
            return
        for batch in batches(sharing, store.room):
            self._between()
            part = [series.of(batch) for series in sharing]
            slots = self._slots(part, list(dict.fromkeys(n for series in part for n in series.numbers)), len(batch))
            work = Work(places[batch], slots, values[batch], decisions[batch])
            run_combinations(work, self._setting, store.table, self._flags, metrics)

    def _slots(self, sharing: Sequence[Sharing], wanted: Sequence[int], size: int) -> Ints:
        """The lines of the rows of each combination, shape (combinations, rows); the `wanted` ones are computed."""
        plan, program = self._plan, self._plan.program
        line = dict(zip(wanted, self._store.slots(wanted), strict=True))
        slots = np.empty((size, len(program.rows) + len(program.flag_rows)), np.int64)
        kept, shared = count(program.numbers), iter(sharing)
        for column, position in enumerate(program.rows):
            if position in plan.fixed:
                slots[:, column] = next(kept)
            else:
                series = next(shared)
                slots[:, column] = np.array([line[number] for number in series.numbers])[series.groups]
        slots[:, len(program.rows) :] = np.arange(program.flags, program.flags + len(program.flag_rows))
        return slots

    def _go_on(self) -> None:
        self._between()

    @cached_property
    def _store(self) -> RowStore:
        lag, bars = self._plan.program.lag, len(self._bars)
        most = self._row_bytes // ((lag + bars) * 8)
        least = len(self._plan.kept) + len(self._plan.shared)
        return RowStore(
            self._bars,
            self._recipes,
            self._fixed,
            self._plan.kept,
            registers=self._plan.program.numbers,
            lag=lag,
            most=max(most, least),
            spare=self._row_bytes // 4,
            between=self._go_on,
        )

    @cached_property
    def _fixed(self) -> dict[int, Value]:
        """The series that no param changes, by their position in the tree. Asked for once a combination is valid."""
        plan = self._plan
        fixed = {position: single for position, single in self._known.items() if single.axis == FIXED}
        values = {position: _scalar(plan.nodes[position], single) for position, single in fixed.items()}
        nodes, moved = bound_nodes(plan.spec.tree, values, {str(position): position for position in plan.fixed})
        made = evaluate(nodes, moved.values(), self._bars, self._between)
        return {position: made[moved[str(position)]] for position in plan.fixed}

    @cached_property
    def _flags(self) -> Bits:
        """The machine's table of flags."""
        program = self._plan.program
        table = np.zeros((program.flags + len(program.flag_rows), program.lag + len(self._bars)), np.uint8)
        for row, position in enumerate(program.flag_rows):
            table[program.flags + row, program.lag :] = self._fixed[position]
        return table


def _scalar(node: Node, single: Single) -> float | bool:
    value = float(single.values[0])
    return bool(value) if node.kind is Kind.CONDITION else value


def sweep(bars: Bars, execution: Execution, space: Space, *, row_bytes: int = ROW_BYTES) -> SweepResult:
    """Every combination of `space`, run on bars that have been cut to the dates asked for.

    Raises InvalidExecution when the strategy cannot be run as asked.
    """
    whole = Sweep(bars, execution, space, row_bytes=row_bytes)
    return concatenated([whole.run(start, stop) for start, stop in whole.slices()])
