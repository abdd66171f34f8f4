"""What the operating system says of this process: processor time, memory, open files."""

import psutil

from shared.contracts.timings import Counter
from shared.runtime.timings import Timings


def report_process(timings: Timings) -> None:
    """Put this process's figures into every batch. Each costs a read of /proc, once a second."""
    process = psutil.Process()

    def cpu() -> list[Counter]:
        used = process.cpu_times()
        return [Counter(name="process_cpu_seconds", labels={}, value=used.user + used.system)]

    timings.counters_from(cpu)
    timings.gauge("process_resident_memory_bytes", lambda: float(process.memory_info().rss))
    timings.gauge("process_open_fds", lambda: float(process.num_fds()))
