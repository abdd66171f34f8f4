"""Faults on a schedule against the whole system under load: every promise is kept."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.local.program import ROOT
from tests.e2e.platform import runs
from tests.faults.run import faults_of, run
from tests.faults.schedule import FAMILIES

pytestmark = pytest.mark.e2e

SEED = 4024
SHORT, LONG = 18.0, float(os.environ.get("DURATION") or 600)
SOON = 1.0
"""Seconds after a fault, unless that takes longer to heal, the next one may begin."""
START_SECONDS = 600.0  # the first start of all compiles the engine
END_SECONDS = 20.0


@pytest.mark.alone
async def test_one_fault_of_each_family_breaks_no_promise(tmp_path: Path) -> None:
    """One after the other under load, always the same."""
    report = await run(tmp_path, SEED, SHORT, faults_of(SEED, SHORT, heal=SOON))
    assert report.passed, report.line()
    assert len(report.document["faults"]) == len(FAMILIES)
    assert report.document["results_compared"] > 0


@pytest.mark.alone
@pytest.mark.long
async def test_ten_minutes_of_faults_break_no_promise(tmp_path: Path) -> None:
    """Every fault there is, at other moments each time; the seed is in the verdict."""
    report = await run(tmp_path, int(time.time()), LONG)
    assert report.passed, report.line()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_nothing_is_left_of_a_run_that_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """However it is ended, in the middle of the load, all that it started ends too."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults", "--duration", "60", "--seed", "1", "--folder", str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while "strategy.create" not in _text(tmp_path / "journal.jsonl"):
                assert process.returncode is None
                await asyncio.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 10
        process.send_signal(number)
        async with asyncio.timeout(END_SECONDS):
            assert await process.wait() == (-number if number == signal.SIGKILL else 130)
            while any(map(runs, family)):
                await asyncio.sleep(0.05)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
