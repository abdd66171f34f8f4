"""A process tells what it uses."""

import time

from shared.runtime.process_figures import report_process
from shared.runtime.timings import Timings


def test_every_batch_tells_processor_time_memory_and_open_files() -> None:
    """Of this process, as they are now; processor time grows with work."""
    timings = Timings("gateway", "gateway-1")
    report_process(timings)
    first = timings.batch()
    gauges = {gauge.name: gauge.value for gauge in first.gauges}
    assert gauges["process_resident_memory_bytes"] > 1_000_000
    assert gauges["process_open_fds"] >= 3
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    (before,), (after,) = first.counters, timings.batch().counters
    assert before.name == after.name == "process_cpu_seconds"
    assert after.value > before.value
