"""What the operating system says of this process: processor time, memory, open files, threads."""

import asyncio
from typing import Final

import psutil

from shared.contracts.timings import Counter, Gauge
from shared.runtime.timings import Timings

# Its share of pages that several processes have costs a walk through all of them: milliseconds.
SHARE_SECONDS: Final = 15.0


class ProcessFigures:
    """Puts this process's figures into every batch: a few reads of /proc. Run `run` beside it."""

    def __init__(self, timings: Timings) -> None:
        self._process = psutil.Process()
        self._share: float | None = None
        timings.counters_from(self._counters)
        timings.gauges_from(self._gauges)

    async def run(self) -> None:
        """Find out the process's share of the memory every SHARE_SECONDS until cancelled, where the system tells it."""
        while True:
            self._share = await asyncio.to_thread(self._proportional)
            await asyncio.sleep(SHARE_SECONDS)

    def _proportional(self) -> float | None:
        try:
            return float(self._process.memory_full_info().pss)
        except (AttributeError, psutil.Error):  # no Linux, or not ours to see
            return None

    def _counters(self) -> list[Counter]:
        used = self._process.cpu_times()
        return [Counter(name="process_cpu_seconds", labels={}, value=used.user + used.system)]

    def _gauges(self) -> list[Gauge]:
        process = self._process
        with process.oneshot():
            figures = {
                "process_resident_memory_bytes": process.memory_info().rss,
                "process_proportional_memory_bytes": self._share,
                "process_open_fds": process.num_fds(),
                "process_threads": process.num_threads(),
                "process_start_time_seconds": process.create_time(),
            }
        return [Gauge(name=name, labels={}, value=float(value)) for name, value in figures.items() if value is not None]
