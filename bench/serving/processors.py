"""Which processors who runs on, and how much of their time a process has used.

The server that is measured has one processor to itself. All others, the load among them, share the rest: neither can
take time from what is measured, and the load is the same for everybody.
"""

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# The kernel's name for "the time that all threads of this process have used"; see clock_getcpuclockid(3). Nanoseconds,
# where /proc counts in hundredths of a second.
_ALL_THREADS = 2


class TooFewProcessors(Exception):
    """There is no second processor for the load."""


def apart() -> tuple[set[int], set[int]]:
    """Return the processor of the measured server, and those of all others. Raises TooFewProcessors."""
    *others, last = sorted(os.sched_getaffinity(0))
    if not others:
        raise TooFewProcessors("this needs two processors: one for the server, one for the load")
    return {last}, set(others)


def keep_on(process: psutil.Process, processors: set[int]) -> None:
    """Keep every thread of a process on these; the threads and processes it makes later stay there as well."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), processors)


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time, user and system, that a process has used; 0 of one that has ended."""
    try:
        return time.clock_gettime(~process.pid << 3 | _ALL_THREADS)
    except OSError:
        return 0.0


def all_cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """The same of several."""
    return sum(map(cpu_seconds, processes))


def families(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return these with all that they have started."""
    found = {process.pid: process for process in processes}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found |= {child.pid: child for child in process.children(recursive=True)}
    return list(found.values())
