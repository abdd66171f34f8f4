"""`python -m bench.under_load`: what `aurelius load` finds of a platform that was just started, as its users run it.

The platform is that of `make run`, in its environment, with one gateway and one worker, its data new; the load is the
whole suite, with its ramp, in a process of its own. Processor time is that of all the platform's processes and servers,
in shares of the machine. Ends with 1 when a target is missed, of those that are asked for.
"""

import asyncio
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.ending import program_of, undone_when_ended
from bench.serving.machine import describe, load_average
from bench.verdict import in_words
from cli.load.results import Memory, Ramp, Report, Result
from cli.load.targets import CPU_SHARE
from deploy.local.program import ROOT
from tests.e2e.platform import platform


async def report_of(url: str, folder: Path) -> tuple[Report, int]:
    """Run the load suite; return what it found, and its exit status. Raises FileNotFoundError when it found nothing."""
    file = folder / "load.json"
    command = program_of("cli", "load", "--url", url, "--json", str(file))
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, start_new_session=True)
    try:
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return msgspec.json.decode(file.read_bytes(), type=Report), status


def text_of(report: Report) -> str:
    """Return the tables: scenarios, the ramp, memory."""
    parts = [_table(_SCENARIOS, map(_scenario, report.results))]
    if report.ramp is not None:
        parts += [_table(_RAMP, _steps(report.ramp)), _knee(report.ramp)]
    if report.memory is not None:
        last = report.results[-1]
        parts += [_table(_MEMORY, _processes(last)), _bounds(report.memory, last)]
    return "\n\n".join(parts)


_SCENARIOS = ["scenario", "requests/s", "right", "median ms", "p95 ms", "p99 ms", "p95 asked, ours", "machine", "grade"]
_RAMP = ["requests/s due", "right answers/s", "right", "p95 ms", "machine", "held"]
_MEMORY = ["processes", "number", "MiB (PSS)"]


def _table(head: Sequence[str], rows: Iterator[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(cells)} |" for cells in rows)])


def _scenario(result: Result) -> list[str]:
    latency, server = result.latency, result.server
    times = [""] * 3 if latency is None else [_ms(each) for each in (latency.median_ms, latency.p95_ms, latency.p99_ms)]
    share = "unknown" if server is None else f"{server.cpu_percent:.0f} %"
    asked = f"{result.required.p95_ms:g}, {result.ours.p95_ms:g}"
    right = f"{result.success_rate:.2%}"
    return [result.scenario, f"{result.requests_per_second:.1f}", right, *times, asked, share, result.grade]


def _steps(ramp: Ramp) -> Iterator[list[str]]:
    for step in ramp.steps:
        share = "" if step.platform_percent is None else f"{step.platform_percent:.0f} %"
        p95 = "" if step.p95_ms is None else _ms(step.p95_ms)
        held = "yes" if step.held else "no"
        yield [f"{step.rate:,.0f}", f"{step.requests_per_second:,.0f}", f"{step.success_rate:.2%}", p95, share, held]


def _knee(ramp: Ramp) -> str:
    return f"Knee: {ramp.knee:,.0f} requests/s of the mixed load, ended by {ramp.ended_by}: {ramp.grade}."


def _processes(last: Result) -> Iterator[list[str]]:
    for use in last.server.processes if last.server is not None else ():
        yield [use.name, str(use.number), "" if use.pss_mb is None else f"{use.pss_mb:.1f}"]


def _bounds(memory: Memory, last: Result) -> str:
    server = last.server
    share = "unknown" if server is None else f"{server.cpu_percent:.1f} %"
    little = server is not None and server.cpu_percent <= 100 * CPU_SHARE
    return (
        f"All Python processes: {memory.pss_mb:.1f} MiB, at most {memory.bound_mb:g}: "
        f"{in_words(memory.pss_mb <= memory.bound_mb)}. The {last.scenario} load at {last.rate:g} requests/s takes "
        f"{share} of the machine, at most {CPU_SHARE:.0%}: {in_words(little)}."
    )


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:,.2f}"


def python_of_make_run() -> str:
    """Return the interpreter of the environment of `make run`, made when it is not there.

    What else is installed here would be measured too: numba loads scipy where it finds it, which is 30 MiB in each
    process that backtests.
    """
    command = ["sh", "deploy/local/environment.sh", ".venv", "requirements/run.txt"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return str(ROOT / ".venv" / "bin" / "python")


async def run(folder: Path, python: str) -> int:
    """Start a platform, load it and print; returns the load suite's exit status."""
    before = load_average()
    # As it is by default: under tests the checker compares far more.
    async with platform(folder, {"CACHE_BODIES_ONE_IN": "1000"}, python) as running:
        report, status = await report_of(running.base_url, folder)
    first = report.results[0]
    print(
        f"On {describe('granian', 'litestar', 'uvloop')}. Load average {before} before, {load_average()} at the end, "
        f"after the ramp. {first.seconds:g} s of each scenario, {first.users} users.\n\n{text_of(report)}"
    )
    return status


if __name__ == "__main__":
    with undone_when_ended(), tempfile.TemporaryDirectory() as name:
        sys.exit(asyncio.run(run(Path(name), python_of_make_run())))
