"""A process tells what it uses."""

import asyncio
import sys
import time

import psutil
import pytest

from shared.runtime.process_figures import ProcessFigures
from shared.runtime.tests.eventually import ended, eventually
from shared.runtime.timings import Timings


def gauges_of(timings: Timings) -> dict[str, float]:
    """What the next batch tells."""
    return {gauge.name: gauge.value for gauge in timings.batch().gauges}


def test_every_batch_tells_what_the_process_is_and_uses() -> None:
    """Of this process, as it is now."""
    timings = Timings("gateway", "gateway-1")
    ProcessFigures(timings)
    gauges = gauges_of(timings)
    assert gauges["process_resident_memory_bytes"] > 1_000_000
    assert gauges["process_open_fds"] >= 3
    assert gauges["process_threads"] >= 1
    assert gauges["process_start_time_seconds"] == psutil.Process().create_time()


def test_processor_time_grows_with_work() -> None:
    """It is a counter."""
    timings = Timings("gateway", "gateway-1")
    ProcessFigures(timings)
    (before,) = timings.batch().counters
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    (after,) = timings.batch().counters
    assert before.name == after.name == "process_cpu_seconds"
    assert after.value > before.value


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells it")
async def test_the_share_of_memory_is_told_once_it_is_known() -> None:
    """It is no more than what is resident, of which others have some too."""
    timings = Timings("gateway", "gateway-1")
    figures = ProcessFigures(timings)
    assert "process_proportional_memory_bytes" not in gauges_of(timings)
    running = asyncio.create_task(figures.run())

    async def told() -> bool:
        return "process_proportional_memory_bytes" in gauges_of(timings)

    await eventually(told)
    await ended(running)
    gauges = gauges_of(timings)
    assert 1_000_000 < gauges["process_proportional_memory_bytes"] <= 1.5 * gauges["process_resident_memory_bytes"]
