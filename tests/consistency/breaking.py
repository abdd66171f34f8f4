"""What is broken in a run, and when: everything between a commit and what a reader is shown."""

from typing import Final

from tests.faults.schedule import Fault, Kind, schedule

HEAL_SECONDS, REST_SECONDS = 0.5, 0.5
GATEWAYS = ("gateway-1", "gateway-2")
STRATEGY = ("strategy-1", "strategy-2")

FAMILIES: Final[tuple[tuple[Kind, ...], ...]] = (
    (
        Kind("restart", ("cache",), 0.2, 1.0),
        Kind("flush", ("cache",)),
        Kind("pause", ("cache",), 0.4, 2.0),
        Kind("flush while commits are slow", ("all>postgres",), 2.5, 4.5),
    ),
    (
        Kind("kill", STRATEGY),
        Kind("pause", STRATEGY, 0.5, 2.0),
        Kind("kill", GATEWAYS),
        Kind("pause", GATEWAYS, 0.5, 2.0),
    ),
    (
        Kind("take away", ("invalidator",), 3.0, 8.0),
        Kind("pause", ("invalidator",), 1.0, 4.0),
    ),
    (
        Kind("reset", ("all>cache", *(f"{each}>cache" for each in GATEWAYS))),
        Kind("forget", (*(f"{each}>cache" for each in (*GATEWAYS, *STRATEGY)), "invalidator>cache")),
        Kind("forget feed", tuple(f"{each}>cache" for each in GATEWAYS)),
        Kind("silence", ("all>cache", *(f"{each}>cache" for each in (*GATEWAYS, *STRATEGY))), 0.5, 2.5),
        Kind("delay", ("all>cache", *(f"{each}>cache" for each in (*GATEWAYS, *STRATEGY))), 1.0, 2.0),
        Kind("delay", tuple(f"{each}>postgres" for each in STRATEGY), 1.0, 2.0),
    ),
)
"""One of each family in turn, so that a short run meets with every one of them."""


def faults_of(seed: int, duration: float) -> list[Fault]:
    """The faults of so many seconds."""
    return schedule(seed, duration, FAMILIES, heal=HEAL_SECONDS, rest=REST_SECONDS)


MUTANT_SECONDS = 60.0
"""In which a mutant has to be found out."""
SLOW_COMMITS: Final = Fault(1, 0.0, MUTANT_SECONDS, "flush while commits are slow", "all>postgres")
FEEDS_FORGOTTEN: Final = Fault(1, 2.0, 0.0, "forget feed", "gateway-1>cache")
NOTHING_BROKEN: Final = Fault(1, 0.0, MUTANT_SECONDS, "delay", "metrics>bus")
"""Nothing that a reader depends on."""
