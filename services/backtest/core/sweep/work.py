"""How long the jobs of a sweep would take: each distinct series of a slice once, and the runs of the best."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from services.backtest.core.language.limits import MAX_WINDOW
from services.backtest.core.language.tree import Op, reachable
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.single import EACH
from services.backtest.core.sweep.singles import completed, spans
from services.backtest.core.sweep.slices import slice_size
from services.backtest.core.sweep.space import Space
from services.backtest.core.work import RUN, Cost, cost_of, refuse_long_work, refuse_much_memory, width_of

COMBINATION = 10.0
"""A combination's fills and metrics, in nanoseconds for each bar."""
BEST = 10
"""Combinations that are run once more by themselves, in one job."""
LOOKED_AT = 4096
"""Combinations by which a slice is judged."""
PARTS = 8
"""Slices that are looked at besides the first, each so far behind the other."""


def check_sweep(space: Space, bars: int) -> None:
    """Raise TooMuchWork when a slice of a sweep over so many bars, or its best, would take too much time or memory."""
    spec, nodes = space.spec, space.spec.tree.nodes
    read = reachable(nodes, [*spec.rules.values(), *spec.terms.values()])
    # At least one series of each function is kept, however many combinations share it.
    kept = (nodes[position] for position in read if nodes[position].op is Op.CALL)
    refuse_much_memory("this sweep", bars, sum(width_of(node) for node in kept))
    size = min(slice_size(space.stop, bars), space.stop)
    # What comes first, what comes last, since the values of an axis mostly rise or fall, and some of what is between.
    for start in dict.fromkeys((space.stop - size) * part // PARTS for part in range(PARTS + 1)):
        combinations = space.combinations(start, start + min(size, LOOKED_AT))
        if len(combinations):
            costs = [Cost(COMBINATION * size + RUN * BEST), *_costs(space, read, combinations, size, bars)]
            refuse_long_work(f"a part of this sweep, {size:,} combinations,", bars, costs)


def _costs(space: Space, read: Sequence[int], combinations: Combinations, size: int, bars: int) -> Iterator[Cost]:
    """What the nodes that are `read` take for a slice of that size, which begins with these combinations."""
    spec, nodes = space.spec, space.spec.tree.nodes
    singles = {position: None for position, node in enumerate(nodes) if not node.kind.is_series}
    known = completed(nodes, singles, space.singles | spans(spec, combinations), combinations)

    def longest(position: int) -> float:
        lengths = known[position].values
        # Where it is no length the combination is not valid, and nothing is computed.
        return float(lengths[(lengths >= 1.0) & (lengths <= MAX_WINDOW)].max(initial=0.0))

    forms: dict[int, int] = {}
    for position in read:
        node = nodes[position]
        if position in singles:
            single = known[position]
            met = len(np.unique(single.values))
            forms[position] = -(-met * size // len(combinations)) if single.axis == EACH else met
            continue
        # Each distinct series once. Operators on what varies are worked out for each combination.
        forms[position] = min(math.prod(forms[part] for part in node.args), size)
        if node.args:
            times = forms[position] if node.op is Op.CALL or forms[position] == 1 else size
            cost = cost_of(node, longest, bars)
            yield cost._replace(nanoseconds=cost.nanoseconds * (times + BEST))
