"""Metrics of the processes: what the operating system says of each, and how their event loops do."""

from typing import Final

from services.metrics.core.metric import PROCESS, SERVICE, Metric

CPU: Final = Metric(
    "aurelius_process_cpu_seconds_total",
    "counter",
    (SERVICE, PROCESS),
    "Processor time, user and system, of the processes that have had this place, one after another.",
    "process_cpu_seconds",
)
MEMORY: Final = Metric(
    "aurelius_process_resident_memory_bytes",
    "gauge",
    (SERVICE, PROCESS),
    "Resident memory of a process, shared pages counted in full.",
    "process_resident_memory_bytes",
)
SHARE_OF_MEMORY: Final = Metric(
    "aurelius_process_proportional_memory_bytes",
    "gauge",
    (SERVICE, PROCESS),
    "Proportional set size of a process: of pages that n processes share, each has 1/n. Where Linux tells it.",
    "process_proportional_memory_bytes",
)
OPEN_FILES: Final = Metric(
    "aurelius_process_open_fds",
    "gauge",
    (SERVICE, PROCESS),
    "Open file descriptors of a process.",
    "process_open_fds",
)
THREADS: Final = Metric(
    "aurelius_process_threads", "gauge", (SERVICE, PROCESS), "Threads of a process.", "process_threads"
)
START_TIME: Final = Metric(
    "aurelius_process_start_time_seconds",
    "gauge",
    (SERVICE, PROCESS),
    "When a process began, in Unix time.",
    "process_start_time_seconds",
)
SERVICE_UP: Final = Metric(
    "aurelius_service_up", "gauge", (SERVICE,), "1 while at least one process of the service reports, else 0."
)
SERVICE_PROCESSES: Final = Metric(
    "aurelius_service_processes", "gauge", (SERVICE,), "Processes of the service that report."
)
LOOP_LAG: Final = Metric(
    "aurelius_event_loop_lag_seconds",
    "histogram",
    (SERVICE,),
    "How late a process's event loop woke up, measured ten times a second.",
    "event_loop_lag",
)
BUILD_INFO: Final = Metric("aurelius_build_info", "gauge", ("version", "python"), "1, with the platform's version.")

PROCESS_METRICS: Final = (
    CPU,
    MEMORY,
    SHARE_OF_MEMORY,
    OPEN_FILES,
    THREADS,
    START_TIME,
    SERVICE_UP,
    SERVICE_PROCESSES,
    LOOP_LAG,
    BUILD_INFO,
)
