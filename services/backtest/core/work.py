"""What a job would take, estimated before it is queued: one that would hold a worker for too long is refused, and one
that would take more memory than the machine may have.

The figures are nanoseconds of a core of 2020, measured and rounded up. They promise nothing: they tell what takes
minutes from what takes hours.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import NamedTuple

from services.backtest.core.language import BoundStrategy
from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.language.kinds import Kind
from services.backtest.core.language.tree import Node, Op
from shared.contracts.errors import InputError, Invalid

MOST_SECONDS = 600.0
"""Of one core, for one job."""
MOST_BYTES = 3 * 2**29
"""Of series that are held at once. A worker at such a job takes over 2 GiB, of 4 that deployments give the service."""

RUN = 300.0
"""A run's fills, metrics and files, for each bar."""
CALL, OPERATION, SLOW_OPERATION = 20.0, 3.0, 30.0
"""A function, whatever its window, an operator, and `**` or `%`, for each bar."""
JOINED = 0.3
"""Each condition of an `and` or an `or`, of which there may be hundreds, for each bar."""
NODE = 1_000.0
"""A node, whatever the bars."""
AFRESH = {"sma": 0.01, "sum_n": 0.01, "stddev": 0.3, "variance": 0.3, "_mean_deviation": 0.3, "percentrank": 0.25}
"""The functions that go through each window afresh, for each bar and each bar of the window."""
FROM_THE_START = "percentrank"
"""The one of them that goes through the beginnings of the first windows too."""


class TooMuchWork(Invalid):
    """The job would take too long, or too much memory. Ask for less."""


class Cost(NamedTuple):
    """What something takes, in nanoseconds for each bar, and what it is, when it is a function with a window."""

    nanoseconds: float
    what: str = ""


def cost_of(node: Node, length: Callable[[int], float], bars: int) -> Cost:
    """What a node takes; `length` is the value of a node that is the length of a window."""
    if node.op in {Op.POWER, Op.MODULO}:
        return Cost(SLOW_OPERATION)
    if node.op is not Op.CALL:
        return Cost(OPERATION + JOINED * len(node.args))
    arguments = zip(FUNCTIONS[node.name].arguments, node.args, strict=True)
    lengths = [length(position) for argument, position in arguments if argument.role is Role.LENGTH]
    # Of a window that is longer than the bars there is none.
    window = min(max(lengths, default=0.0), bars)
    share = AFRESH.get(node.name, 0.0)
    hidden = window / bars / (2 if node.name == FROM_THE_START else 1)
    return Cost(
        CALL + share * window * (1.0 - hidden), f"`{node.name.strip('_')}` over {window:,.0f} bars" if share else ""
    )


def check_run(strategy: BoundStrategy, bars: int) -> None:
    """Raise TooMuchWork when running a strategy over so many bars would take too long, or too much memory."""
    refuse_long_work("this run", bars, [Cost(RUN), *_costs(strategy.nodes, bars)])
    roots = {*strategy.rules.values(), *strategy.terms.values()}
    refuse_much_memory("this run", bars, _held_at_once(strategy.nodes, roots))


def seconds_of(strategy: BoundStrategy, bars: int) -> float:
    """What evaluating a strategy on so many bars takes."""
    each_bar = sum(cost.nanoseconds for cost in _costs(strategy.nodes, bars))
    return (NODE * len(strategy.nodes) + each_bar * bars) / 1e9


def _costs(nodes: Sequence[Node], bars: int) -> Iterator[Cost]:
    for node in nodes:
        if node.args:
            yield cost_of(node, lambda position: float(nodes[position].value or 0.0), bars)


def width_of(node: Node) -> int:
    """The bytes of a node's series for each bar. The columns of the dataset are not read into memory."""
    if node.kind is Kind.CONDITION_SERIES:
        return 1
    return 8 if node.kind is Kind.NUMBER_SERIES and node.args else 0


def _held_at_once(nodes: Sequence[Node], roots: Set[int]) -> int:
    """The most bytes for each bar that are held while the nodes are computed one by one, as `evaluate` does."""
    last_use = {part: position for position, node in enumerate(nodes) for part in node.args}
    held = most = 0
    for position, node in enumerate(nodes):
        held += width_of(node)
        most = max(most, held)
        held -= sum(width_of(nodes[p]) for p in set(node.args) - roots if last_use[p] == position)
    return most


def refuse_much_memory(what: str, bars: int, width: int) -> None:
    """Raise TooMuchWork when series of `width` bytes for each bar come to more than MOST_BYTES for so many bars."""
    if width * bars <= MOST_BYTES:
        return
    message = (
        f"{what} would hold series of about {width * bars / 2**30:,.1f} GiB at once, and {MOST_BYTES / 2**30:g} are "
        f"allowed; choose fewer bars than about {bars:,} by `start` and `end`, or a smaller strategy"
    )
    raise TooMuchWork(message, errors=(InputError("", message),))


def refuse_long_work(what: str, bars: int, costs: Sequence[Cost]) -> None:
    """Raise TooMuchWork when all of `costs` come to more than MOST_SECONDS for so many bars."""
    seconds = sum(cost.nanoseconds for cost in costs) * bars / 1e9
    if seconds <= MOST_SECONDS:
        return
    named = max(costs, key=lambda cost: cost.nanoseconds if cost.what else 0.0).what
    message = (
        f"{what} would take about {seconds / 60:,.0f} minutes of a processor, and {MOST_SECONDS / 60:.0f} are allowed"
        f"{f'; most of it is for {named}' if named else ''}; choose fewer bars than about {bars:,} by `start` and "
        "`end`, shorter windows, or a smaller strategy"
    )
    raise TooMuchWork(message, errors=(InputError("", message),))
