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
class Kind:
    """What may be done to each of `targets`, for between `least` and `most` seconds."""

    action: str
    targets: tuple[str, ...]
    least: float = 0.0
    most: float = 0.0


_STRATEGY = ("strategy-1", "strategy-2")
_BACKTEST = ("backtest-1", "backtest-2")

# Each family in turn, so that a short run meets with every one of them.
FAMILIES: tuple[tuple[Kind, ...], ...] = (
    (
        Kind("kill", _STRATEGY),
        Kind("kill", _BACKTEST),
        Kind("kill", ("worker-1", "worker-2")),
        Kind("kill", ("gateway",)),
        Kind("kill", ("gateway-copy",)),
        Kind("kill", ("invalidator",)),
        Kind("kill", ("metrics",)),
        Kind("kill", ("consumer",)),
    ),
    (
        Kind("wipe", ("bus",), 0.5, 1.5),
        Kind("roll back", ("bus",), 2.0, 4.0),
        Kind("flush", ("cache",)),
    ),
    (
        Kind("restart", ("postgres",), 0.5, 1.5),
        Kind("restart", ("bus",), 0.5, 1.5),
        Kind("restart", ("cache",), 0.5, 1.5),
    ),
    (
        Kind("pause", _STRATEGY, 2.0, 4.0),
        Kind("pause", _BACKTEST, 2.0, 4.0),
        Kind("pause", ("worker-1", "worker-2"), 2.0, 4.0),
        Kind("pause", ("gateway-copy",), 1.0, 3.0),
        Kind("pause", ("invalidator",), 2.0, 4.0),
        Kind("pause", ("bus",), 1.0, 3.0),
        Kind("pause", ("cache",), 1.0, 3.0),
        Kind("pause", ("postgres",), 1.0, 3.0),
    ),
    (
        Kind("reset", ("all>bus", "gateway>bus", *(f"{each}>bus" for each in (*_STRATEGY, *_BACKTEST)))),
        Kind("reset", ("all>postgres",)),
        Kind("reset", ("all>cache", "client>gateway")),
        Kind("silence", ("all>bus", "gateway>bus", *(f"{each}>bus" for each in (*_STRATEGY, *_BACKTEST))), 0.3, 3.0),
        Kind("silence", ("all>postgres", *(f"{each}>postgres" for each in (*_STRATEGY, *_BACKTEST))), 0.3, 3.0),
        Kind("silence", ("all>cache", "gateway>cache", "invalidator>cache"), 0.3, 3.0),
        Kind("delay", ("all>bus",), 2.0, 4.0),
        Kind("delay", ("all>postgres",), 2.0, 4.0),
        Kind("delay", ("all>cache",), 2.0, 4.0),
    ),
)


Families = tuple[tuple[Kind, ...], ...]


def schedule(
    seed: int, duration: float, families: Families = FAMILIES, *, heal: float = HEAL_SECONDS, rest: float = REST_SECONDS
) -> list[Fault]:
    """The faults of `duration` seconds, in order. One begins when the one before has had its time to heal."""
    rng = random.Random(seed)
    faults: list[Fault] = []
    at = BEGIN_SECONDS
    for kind in _kinds(rng, families):
        seconds = round(rng.uniform(kind.least, kind.most), 3)
        target = rng.choice(kind.targets)
        if at + seconds + heal > duration:
            return faults
        faults.append(Fault(len(faults) + 1, round(at, 3), seconds, kind.action, target))
        at += seconds + heal + rest
    raise AssertionError("there is always another one")


def _kinds(rng: random.Random, families: Families) -> Iterator[Kind]:
    """One kind of each family in turn; none of a family comes again before all of it have been."""
    hands: list[list[Kind]] = [[] for _ in families]
    while True:
        for place in rng.sample(range(len(families)), len(families)):
            if not hands[place]:
                hands[place] = rng.sample(families[place], len(families[place]))
            yield hands[place].pop()
