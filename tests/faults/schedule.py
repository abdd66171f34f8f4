"""Which fault happens when: a pure function of the seed and the duration."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

HEAL_SECONDS = 5.0
"""Within which a fault must be healed after its cause ended."""
REST_SECONDS = 1.0
"""Without a fault between two, in which nothing may fail."""
BEGIN_SECONDS = 3.0
"""Of load before the first fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What fails: `at` seconds after the load began, for `seconds` (0: it is over at once).

    `action` is what is done, to `target`: a process, a server, or the connections of a process to a server
    (`strategy-1>bus`; `all>bus` is every process).
    """

    number: int
    at: float
    seconds: float
    action: str
    target: str

    @property
    def name(self) -> str:
        """Action and target in a few words."""
        return f"{self.action} {self.target}"


@dataclass(frozen=True, slots=True)
class _Kind:
    action: str
    targets: tuple[str, ...]
    least: float = 0.0
    most: float = 0.0


_STRATEGY = ("strategy-1", "strategy-2")
_BACKTEST = ("backtest-1", "backtest-2")

# Each family in turn, so that a short run meets with every one of them.
FAMILIES: tuple[tuple[_Kind, ...], ...] = (
    (
        _Kind("kill", _STRATEGY),
        _Kind("kill", _BACKTEST),
        _Kind("kill", ("worker-1", "worker-2")),
        _Kind("kill", ("gateway",)),
        _Kind("kill", ("gateway-copy",)),
        _Kind("kill", ("invalidator",)),
        _Kind("kill", ("metrics",)),
        _Kind("kill", ("consumer",)),
    ),
    (
        _Kind("wipe", ("bus",), 0.5, 1.5),
        _Kind("roll back", ("bus",), 2.0, 4.0),
        _Kind("flush", ("cache",)),
    ),
    (
        _Kind("restart", ("postgres",), 0.5, 1.5),
        _Kind("restart", ("bus",), 0.5, 1.5),
        _Kind("restart", ("cache",), 0.5, 1.5),
    ),
    (
        _Kind("pause", _STRATEGY, 2.0, 4.0),
        _Kind("pause", _BACKTEST, 2.0, 4.0),
        _Kind("pause", ("worker-1", "worker-2"), 2.0, 4.0),
        _Kind("pause", ("gateway-copy",), 1.0, 3.0),
        _Kind("pause", ("invalidator",), 2.0, 4.0),
        _Kind("pause", ("bus",), 1.0, 3.0),
        _Kind("pause", ("cache",), 1.0, 3.0),
        _Kind("pause", ("postgres",), 1.0, 3.0),
    ),
    (
        _Kind("reset", ("all>bus", "gateway>bus", *(f"{each}>bus" for each in (*_STRATEGY, *_BACKTEST)))),
        _Kind("reset", ("all>postgres",)),
        _Kind("reset", ("all>cache", "client>gateway")),
        _Kind("silence", ("all>bus", "gateway>bus", *(f"{each}>bus" for each in (*_STRATEGY, *_BACKTEST))), 0.3, 3.0),
        _Kind("silence", ("all>postgres", *(f"{each}>postgres" for each in (*_STRATEGY, *_BACKTEST))), 0.3, 3.0),
        _Kind("silence", ("all>cache", "gateway>cache", "invalidator>cache"), 0.3, 3.0),
        _Kind("delay", ("all>bus",), 2.0, 4.0),
        _Kind("delay", ("all>postgres",), 2.0, 4.0),
        _Kind("delay", ("all>cache",), 2.0, 4.0),
    ),
)


def schedule(seed: int, duration: float) -> list[Fault]:
    """The faults of `duration` seconds, in order. One begins when the one before has had its time to heal."""
    rng = random.Random(seed)
    faults: list[Fault] = []
    at = BEGIN_SECONDS
    for kind in _kinds(rng):
        seconds = round(rng.uniform(kind.least, kind.most), 3)
        target = rng.choice(kind.targets)
        if at + seconds + HEAL_SECONDS > duration:
            return faults
        faults.append(Fault(len(faults) + 1, round(at, 3), seconds, kind.action, target))
        at += seconds + HEAL_SECONDS + REST_SECONDS
    raise AssertionError("there is always another one")


def _kinds(rng: random.Random) -> Iterator[_Kind]:
    """One kind of each family in turn; none of a family comes again before all of it have been."""
    hands: list[list[_Kind]] = [[] for _ in FAMILIES]
    while True:
        for place in rng.sample(range(len(FAMILIES)), len(FAMILIES)):
            if not hands[place]:
                hands[place] = rng.sample(FAMILIES[place], len(FAMILIES[place]))
            yield hands[place].pop()
