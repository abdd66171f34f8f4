"""`python -m tests.consistency [--duration SECONDS] [--seed NUMBER]`: run, print the verdict, exit 0 when it passed.

SIGINT or SIGTERM ends it early, and ends all that it started.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.consistency.report import Report
from tests.consistency.run import run, say


def main() -> int:
    """The exit status: 0 passed, 1 failed, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.consistency", description=__doc__)
    parser.add_argument("--duration", type=float, default=120.0, help="seconds under load, without the mutants (120)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000), help="of the faults")
    parser.add_argument("--folder", type=Path, help="where the report and the logs go; a temporary folder by default")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="aurelius-consistency-"))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"seed {given.seed}, {given.duration:g} s, in {folder}")
    try:
        report = uvloop.run(_interruptible(folder, given.seed, given.duration))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"interrupted; what was written is in {folder}")
        return 130
    say(report.line())
    return 0 if report.passed else 1


async def _interruptible(folder: Path, seed: int, duration: float) -> Report:
    task = asyncio.create_task(run(folder, seed, duration))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
