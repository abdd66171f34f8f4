"""What is broken in a run, and when: everything between a commit and what a reader is shown."""

from typing import Final

from tests.faults.schedule import Fault, Kind, schedule

HEAL_SECONDS, REST_SECONDS = 0.5, 0.5
GATEWAYS = ("gateway-1", "gateway-2")
STRATEGY = ("strategy-1", "strategy-2")
WRITERS = (*STRATEGY, "backtest")
INVALIDATOR = "invalidator"

FAMILIES: Final[tuple[tuple[Kind, ...], ...]] = (
    (
        Kind("restart", ("cache",), 0.2, 1.0),
        Kind("flush", ("cache",)),
        Kind("pause", ("cache",), 0.4, 2.0),
        Kind("flush while commits are slow", ("all>postgres",), 2.5, 4.5),
    ),
    (
        Kind("kill", WRITERS),
        Kind("pause", WRITERS, 0.5, 2.0),
        Kind("kill", GATEWAYS),
        Kind("pause", GATEWAYS, 0.5, 2.0),
    ),
    (
        Kind("take away", (INVALIDATOR,), 3.0, 8.0),
        Kind("pause", (INVALIDATOR,), 1.0, 4.0),
    ),
    (
        Kind("reset", ("all>cache", *(f"{each}>cache" for each in GATEWAYS))),
        Kind("forget", (*(f"{each}>cache" for each in (*GATEWAYS, *WRITERS)), "invalidator>cache")),
        Kind("forget feed", tuple(f"{each}>cache" for each in GATEWAYS)),
        Kind("cut feed", tuple(f"{each}>cache" for each in GATEWAYS), 1.0, 4.0),
        Kind("silence", ("all>cache", *(f"{each}>cache" for each in (*GATEWAYS, *WRITERS))), 0.5, 2.5),
        Kind("delay", ("all>cache", *(f"{each}>cache" for each in (*GATEWAYS, *WRITERS))), 1.0, 2.0),
        Kind("delay", tuple(f"{each}>postgres" for each in WRITERS), 1.0, 2.0),
    ),
)
"""One of each family in turn, so that a short run meets with every one of them."""

LONGEST_AWAY_SECONDS: Final = 60.0
AWAY_SHARE: Final = 0.2
"""Of a part in which writes wait for the cache; the invalidator is away for so long, or for a minute."""


def faults_of(seed: int, duration: float, absence: Fault | None = None) -> list[Fault]:
    """The faults of so many seconds; none of a process that is away then."""
    return [
        fault
        for fault in schedule(seed, duration, FAMILIES, heal=HEAL_SECONDS, rest=REST_SECONDS)
        if absence is None or fault.target != absence.target or not _meet(fault, absence)
    ]


def absence_of(duration: float) -> Fault:
    """When the invalidator is away while all the rest goes on breaking: no read may be the worse for it."""
    seconds = min(LONGEST_AWAY_SECONDS, AWAY_SHARE * duration)
    return Fault(0, AWAY_SHARE * duration, seconds, "take away", INVALIDATOR)


def _meet(fault: Fault, absence: Fault) -> bool:
    """Whether one comes before the other has had its time, and some more: on a busy machine faults come late."""
    late = 10 * (HEAL_SECONDS + REST_SECONDS)
    return fault.at < absence.at + absence.seconds + late and absence.at < fault.at + fault.seconds + late


MUTANT_SECONDS = 60.0
"""In which a mutant has to be found out."""
SLOW_COMMITS: Final = Fault(1, 0.0, MUTANT_SECONDS, "flush while commits are slow", "all>postgres")
FEEDS_FORGOTTEN: Final = Fault(1, 2.0, 0.0, "forget feed", "gateway-1>cache")
NOTHING_BROKEN: Final = Fault(1, 0.0, MUTANT_SECONDS, "delay", "metrics>bus")
"""Nothing that a reader depends on."""
