"""The command line of what runs for a while and gives a verdict: how long, which seed, and where it is written down."""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

import uvloop

from cli.interrupts import INTERRUPTED, interrupted_by_signals
from tests.faults.run import say


class Verdict(Protocol):
    """What a run ends with."""

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""

    def line(self) -> str:
        """The verdict in one line."""


Run = Callable[[Path, int, float], Coroutine[Any, Any, Verdict]]
"""Runs in a folder, with a seed, for so many seconds."""


def command(run: Run, *, name: str, folder_name: str, document: str | None, duration: str, seed: str) -> int:
    """Run as the arguments say. The exit status: 0 passed, 1 failed, 130 interrupted.

    SIGINT or SIGTERM ends it early, and ends all that it started. `duration` and `seed` say what they are of.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=document)
    parser.add_argument("--duration", type=float, default=120.0, help=f"{duration} (120)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help=seed)
    parser.add_argument("--folder", type=Path, help="where the report and the logs go; a temporary folder by default")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix=f"aurelius-{folder_name}-"))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"seed {given.seed}, {given.duration:g} s, in {folder}")
    try:
        with interrupted_by_signals():
            report = uvloop.run(run(folder, given.seed, given.duration))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"interrupted; what was written is in {folder}")
        return INTERRUPTED
    say(report.line())
    return 0 if report.passed else 1
