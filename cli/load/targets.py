"""What is asked for, and what ours is: far tighter, and what we hold ourselves to."""

from typing import Literal

import msgspec

Grade = Literal["EXCELLENT", "GOOD", "NOT MEASURED", "NEEDS IMPROVEMENT"]
GRADES: tuple[Grade, ...] = ("EXCELLENT", "GOOD", "NOT MEASURED", "NEEDS IMPROVEMENT")
"""From the best. What was not measured is a run in which the load itself was too slow to tell."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one scenario. `p95_ms` counts from the moment at which a request was due, so that a rate that is not
    kept shows in it; `success_rate` is a fraction.
    """

    p95_ms: float
    success_rate: float = 0.99


class Asked(msgspec.Struct, frozen=True):
    """The target that must be met, and ours."""

    required: Target
    ours: Target


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of it, in the same units; `p95_ms` is None when nothing was answered."""

    p95_ms: float | None
    success_rate: float


def _asked(required_ms: float, ours_ms: float) -> Asked:
    return Asked(Target(p95_ms=required_ms), Target(p95_ms=ours_ms, success_rate=0.999))


ASKED: dict[str, Asked] = {
    "health": _asked(50, 15),
    "metrics": _asked(100, 20),
    "strategies": _asked(100, 10),
    "strategy": _asked(100, 20),
    "backtests": _asked(150, 10),
    "backtest": _asked(150, 10),
    "login": _asked(200, 100),
    "writes": _asked(200, 50),
    "mixed": _asked(150, 30),
}
"""By scenario. One in six reads of a single strategy is for one that nobody has read before: the p95 is of those."""

KNEE_REQUIRED = 50.0
KNEE_OURS = 500.0
"""Requests a second of the mixed load that must be held."""

MEMORY_MB = 512.0
"""Proportional set size of all Python processes after the load, with one gateway and one worker. Megabytes of 2^20."""

CPU_SHARE = 0.30
"""Of the machine at most, at the mixed load's own rate."""


def missed(figures: Figures, target: Target) -> list[str]:
    """Return what is not met, in words; nothing when all is."""
    found = []
    if figures.p95_ms is None:
        found.append("nothing was answered")
    elif figures.p95_ms > target.p95_ms:
        found.append(f"p95 {figures.p95_ms:.1f} ms, above {target.p95_ms:g} ms")
    if figures.success_rate < target.success_rate:
        found.append(f"{figures.success_rate:.2%} right, below {target.success_rate:.1%}")
    return found


def grade(figures: Figures, asked: Asked) -> Grade:
    """EXCELLENT is within ours, GOOD within what is required."""
    if missed(figures, asked.required):
        return "NEEDS IMPROVEMENT"
    return "GOOD" if missed(figures, asked.ours) else "EXCELLENT"


def worst(grades: list[Grade]) -> Grade:
    """Return the last of them, as GRADES has it."""
    return max(grades, key=GRADES.index)
