"""Load by `wrk`, which compares every answer: as many requests as the server takes, or so many a second."""

import asyncio
import re
import resource
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.load.wire import WrongAnswer

_SCRIPT = Path(__file__).with_name("check.lua")
_FOUND = re.compile(
    r"^found: requests=(\d+) microseconds=(\d+) p50=(\d+) p99=(\d+)"
    r" wrong=(\d+) elsewhere=(\d+) broken=(\d+) reason=(.*)$",
    re.MULTILINE,
)


class NoWrk(Exception):
    """The program is not installed."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What each answer must be: this body, but for its first `skipped` bytes, from the layer that `cache_status` begins
    with; an empty text is any.
    """

    body: Path
    cache_status: str = ""
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Wrk:
    """What wrk found. Times in seconds; `load` is the share of a processor that wrk itself used.

    `elsewhere` is the share of the answers that came from another layer than the one that is measured.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    load: float
    elsewhere: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def find_wrk() -> str:
    """Return its path. Raises NoWrk with how to get it."""
    found = shutil.which("wrk")
    if found is None:
        raise NoWrk("wrk is not on PATH; it makes the load: `apt-get install wrk`, `brew install wrk`, or its sources")
    return found


async def run_wrk(
    url: str, headers: Mapping[str, str], expected: Expected, *, seconds: float, connections: int, rate: float = 0.0
) -> Wrk:
    """Ask for one URL for so long, `rate` times a second and evenly spaced, or as often as it is answered (0).

    A latency counts from when a request was sent. Raises WrongAnswer.
    """
    given = [str(expected.body), str(expected.skipped), expected.cache_status, f"{rate:g}"]
    given += [f"{name}={value}" for name, value in headers.items()]
    options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(_SCRIPT), url]
    before = _children_seconds()
    process = await asyncio.create_subprocess_exec(find_wrk(), *options, "--", *given, stdout=PIPE, stderr=STDOUT)
    try:
        said = (await process.communicate())[0].decode(errors="replace")
    finally:
        with suppress(ProcessLookupError):  # it has ended, unless this was interrupted
            process.kill()
    used = _children_seconds() - before
    found = _FOUND.search(said)
    if process.returncode != 0 or found is None:
        raise WrongAnswer(f"wrk failed at {url}: {said.strip()[-500:]}")
    requests, microseconds, p50, p99, wrong, elsewhere, broken = map(int, found.groups()[:-1])
    if not requests:
        raise WrongAnswer(f"{url}: nothing was answered in {seconds:g} s; measure for longer")
    if wrong or broken:
        raise WrongAnswer(
            f"{url}: {wrong} of {requests} answers were wrong, {broken} connections broken. {found.groups()[-1]}"
        )
    taken = microseconds / 1e6
    return Wrk(requests, taken, p50 / 1e6, p99 / 1e6, load=used / taken, elsewhere=elsewhere / requests)


def _children_seconds() -> float:
    """The processor time of those that this process has started and collected."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
