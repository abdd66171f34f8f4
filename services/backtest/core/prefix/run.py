"""One prefix test from end to end: which bars, params and cuts there are to be, and what was found."""

import random
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.evaluate import go_on
from services.backtest.core.language import BoundStrategy, CheckedSpec
from services.backtest.core.prefix.combinations import combinations
from services.backtest.core.prefix.comparison import Decisions, decisions, first_difference
from services.backtest.core.prefix.cuts import cuts
from services.backtest.core.prefix.market import made_up_bars
from services.backtest.core.work import seconds_of
from shared.contracts.errors import Invalid
from shared.contracts.values import PrefixDifference, PrefixEvidence

COMBINATIONS = 4
MOST_CUTS = 12
BARS_BEHIND = 300
"""Bars from the first decision on."""
MOST_SECONDS = 5.0
"""Of one test, by the estimate: the same spec is always tried alike."""

TOO_MUCH = (
    "With windows as long as these it takes more work to reach the first decision than a prefix test may do; "
    "shorten them"
)


class _Trial(NamedTuple):
    """The strategy with one combination of params, how many bars it is tried on, and where these are cut."""

    strategy: BoundStrategy
    bars: int
    cuts: list[int]


def run_prefix_test(spec: CheckedSpec, between: Callable[[], None] = go_on) -> PrefixEvidence:
    """Try out whether any decision depends on later bars; the first difference ends the test.

    `between` is called between its parts, and what it raises ends the test. Raises Invalid when not even one cut can be
    tried in the time there is.
    """
    chance = random.Random(spec.spec_hash)  # noqa: S311  # no secret
    seen = PrefixEvidence(bars=0, cuts=0, combinations=0, signals=0)
    for trial in list(_trials(spec, chance)):
        rng = np.random.default_rng(chance.getrandbits(64))
        whole, other = made_up_bars(rng, trial.bars), made_up_bars(rng, trial.bars)
        full = decisions(trial.strategy, whole, between)
        failure, done = None, 0
        while failure is None and done < len(trial.cuts):
            failure = _found(trial.strategy, full, whole, other, trial.cuts[done], between)
            done += 1
        seen = PrefixEvidence(
            bars=seen.bars + trial.bars,
            cuts=seen.cuts + done,
            combinations=seen.combinations + 1,
            signals=seen.signals + _signals(trial.strategy, full),
            failure=failure,
        )
        if failure is not None:
            break
    return seen


def _trials(spec: CheckedSpec, chance: random.Random) -> Iterator[_Trial]:
    left = MOST_SECONDS
    for number, strategy in enumerate(combinations(spec, chance, COMBINATIONS)):
        bars = strategy.warmup_bars + BARS_BEHIND
        each = seconds_of(strategy, bars)
        count = min(MOST_CUTS, _affordable(left / (COMBINATIONS - number), each))
        if number == 0:
            # The defaults must be tried, if need be with all there is.
            count = max(count, min(1, _affordable(left, each)))
            if count < 1:
                raise Invalid(TOO_MUCH)
        if count > 0:
            left -= (1 + 2 * count) * each
            yield _Trial(strategy, bars, cuts(strategy.warmup_bars, bars, count, chance))


def _affordable(seconds: float, each: float) -> int:
    """How many cuts: each takes two evaluations, and the whole series one."""
    return int((seconds / each - 1.0) // 2.0)


def _found(
    strategy: BoundStrategy, full: Decisions, whole: Bars, other: Bars, cut: int, between: Callable[[], None]
) -> PrefixDifference | None:
    tails: tuple[tuple[Literal["removed", "replaced"], int], ...] = (("removed", cut), ("replaced", len(whole)))
    for tail, size in tails:
        difference = first_difference(full, decisions(strategy, _joined(whole, other, cut, size), between), cut)
        if difference is not None:
            return PrefixDifference(
                part=difference.part,
                params=dict(strategy.params),
                cut=cut,
                tail=tail,
                bar=difference.bar,
                full=difference.one,
                cut_off=difference.other,
            )
    return None


def _joined(one: Bars, other: Bars, cut: int, size: int) -> Bars:
    """The first `size` bars of a series that is `one` up to `cut` and `other` from there on."""

    def column(name: str) -> Floats:
        return np.concatenate([one.series(name)[:cut], other.series(name)[cut:size]])

    return Bars(
        time=one.time[:size],
        open=column("open"),
        high=column("high"),
        low=column("low"),
        close=column("close"),
        volume=column("volume"),
    )


def _signals(strategy: BoundStrategy, full: Decisions) -> int:
    held = np.logical_or.reduce([full[rule] for rule in strategy.rules])
    return int(np.count_nonzero(held[strategy.warmup_bars :]))
