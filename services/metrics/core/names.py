"""Every metric there is: its name, type, labels and meaning, in one table that rendering and readers share.

Names follow Prometheus' practice: a prefix, base units, `_total` on counters; routes are templates, never paths.
`reported` is the name under which processes send it; a metric without one is made by the metrics service itself.
A `service` label that is not reported is the sender's own service.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["histogram", "counter", "gauge"]

SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row. Histograms are in seconds with the buckets of `shared.contracts.timings`.

    A gauge is added up over the processes, unless it is `of_all`: then each reports the whole, and the largest counts.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    reported: str | None = None
    of_all: bool = False

    @property
    def unit(self) -> str:
        """The base unit that the name ends with, or nothing."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in {"seconds", "bytes"} else ""


HTTP_DURATION: Final = Metric(
    "aurelius_http_request_duration_seconds",
    "histogram",
    ("method", "route", "status"),
    "Time from a request's first byte in to its answer's last byte out, in the gateway.",
    "http_request_duration",
)
RPC_SERVED: Final = Metric(
    "aurelius_rpc_server_duration_seconds",
    "histogram",
    (SERVICE, "method", "outcome"),
    "Time a service spent on a request from the bus.",
    "rpc_server_duration",
)
RPC_CALLED: Final = Metric(
    "aurelius_rpc_client_duration_seconds",
    "histogram",
    (SERVICE, "method", "outcome"),
    "Time a caller, named by its service, waited for the answer to a request on the bus.",
    "rpc_client_duration",
)
LOOP_LAG: Final = Metric(
    "aurelius_event_loop_lag_seconds",
    "histogram",
    (SERVICE,),
    "How late a process's event loop woke up, measured once a second.",
    "event_loop_lag",
)
EVENT_LAG: Final = Metric(
    "aurelius_event_lag_seconds",
    "histogram",
    (SERVICE,),
    "Time from a change event's own time to its being applied by a consuming service.",
    "event_lag",
)
EVENT_OVERDUE: Final = Metric(
    "aurelius_event_overdue_seconds",
    "gauge",
    ("stream",),
    "Age of the oldest change event of a stream that has not been applied to the cache, 0 when all have.",
    "event_overdue_seconds",
    of_all=True,
)

CACHE_HITS: Final = Metric(
    "aurelius_cache_hits_total", "counter", ("type",), "Reads that the cache answered.", "cache_hits"
)
CACHE_MISSES: Final = Metric(
    "aurelius_cache_misses_total", "counter", ("type",), "Reads that the cache could not answer.", "cache_misses"
)
CACHE_BYPASSES: Final = Metric(
    "aurelius_cache_bypass_total", "counter", ("type", "reason"), "Reads that went past the cache.", "cache_bypasses"
)
CACHE_FILLS: Final = Metric(
    "aurelius_cache_fills_total", "counter", ("type",), "Answers that the cache took.", "cache_fills"
)
CACHE_FILLS_REFUSED: Final = Metric(
    "aurelius_cache_fill_refused_total",
    "counter",
    ("type", "reason"),
    "Answers that the cache did not take.",
    "cache_fills_refused",
)
CACHE_ORPHANS: Final = Metric(
    "aurelius_cache_orphan_floors_total",
    "counter",
    ("type",),
    "Floors that a writer had raised and died, dropped when a later reader found less in the database.",
    "cache_orphan_floors",
)
L1_HITS: Final = Metric(
    "aurelius_cache_l1_hits_total", "counter", ("type",), "Reads that a process answered by itself.", "cache_l1_hits"
)
L1_MISSES: Final = Metric(
    "aurelius_cache_l1_misses_total",
    "counter",
    ("type",),
    "Reads that a process could not answer by itself.",
    "cache_l1_misses",
)
L1_EVICTIONS: Final = Metric(
    "aurelius_cache_l1_evictions_total",
    "counter",
    ("type",),
    "Entries that a process dropped to make room.",
    "cache_l1_evictions",
)
L1_BYTES: Final = Metric(
    "aurelius_cache_l1_bytes", "gauge", (SERVICE,), "Memory that the processes' own caches take.", "cache_l1_bytes"
)
L1_FEED_AGE: Final = Metric(
    "aurelius_cache_l1_feed_age_seconds",
    "gauge",
    (),
    "Time since the cache server last proved to a process that its feed is heard; of all, the longest.",
    "cache_l1_feed_age_seconds",
    of_all=True,
)
INVALIDATIONS: Final = Metric(
    "aurelius_cache_invalidations_total",
    "counter",
    ("type",),
    "Objects whose new version was applied to the cache.",
    "invalidations",
)
CACHE_RAISES: Final = Metric(
    "aurelius_cache_raises_total",
    "counter",
    (SERVICE, "outcome"),
    "Transactions that told the cache what they change before they committed: raised, or taken_back when the commit "
    "failed; and those it did not answer: refused (nothing was written), or unanswered (written all the same, so that "
    "reads may have been stale until the event arrived).",
    "cache_raises",
)
CACHE_RAISE_DURATION: Final = Metric(
    "aurelius_cache_raise_duration_seconds",
    "histogram",
    (SERVICE,),
    "Time a transaction waited for the cache before it committed.",
    "cache_raise_duration",
)
CACHE_OPENING_DURATION: Final = Metric(
    "aurelius_cache_opening_duration_seconds",
    "histogram",
    (SERVICE,),
    "Time a service took to open its half of a cache that had lost its state, its writers awaited.",
    "cache_opening_duration",
)
CACHE_STATE: Final = Metric(
    "aurelius_cache_state",
    "gauge",
    ("keeper",),
    "1 while the objects whose versions a service keeps are served from the cache, 0 while it is closed.",
    "cache_state",
    of_all=True,
)
CACHE_PROBES: Final = Metric(
    "aurelius_cache_probes_total",
    "counter",
    ("layer",),
    "Answers that a level of the cache (l1, l2) would have given, compared with the database by the live checker. "
    "Without a finding in k of them no more than 3/k of all are claimed to be stale, at 95 %.",
    "cache_probes",
)
CACHE_PROBES_NOT_DONE: Final = Metric(
    "aurelius_cache_probes_not_done_total",
    "counter",
    ("where",),
    "Looks of the live checker that the database, l1 or l2 did not answer.",
    "cache_probes_not_done",
)
CACHE_INCONSISTENCIES: Final = Metric(
    "aurelius_cache_inconsistencies_total",
    "counter",
    ("layer", "window"),
    "Objects that a level of the cache still served older than the database had told this long before (0s, 1s, 10s, "
    "60s), each counted in every window in which it was seen.",
    "cache_inconsistencies",
)
CACHE_STALENESS: Final = Metric(
    "aurelius_cache_staleness_seconds",
    "histogram",
    ("layer",),
    "How long, at least, after a version was read from the database less was still served; of findings alone.",
    "cache_staleness",
)
EVENTS_REFUSED: Final = Metric(
    "aurelius_events_refused_total",
    "counter",
    ("stream", "reason"),
    "Entries, or objects in them, that could not be applied and were left out.",
    "events_refused",
)
RELAY_BACKLOG: Final = Metric(
    "aurelius_relay_backlog",
    "gauge",
    (SERVICE,),
    "Rows of a service's outbox that wait to be published, 10,000 at most.",
    "relay_backlog",
)
RELAY_LAG: Final = Metric(
    "aurelius_relay_lag_seconds",
    "gauge",
    (SERVICE,),
    "Time since the oldest of them was announced.",
    "relay_lag_seconds",
)
EVENTS_REBUILT: Final = Metric(
    "aurelius_relay_rebuilt_total",
    "counter",
    ("stream",),
    "Events that were appended again because the bus had lost them.",
    "relay_rebuilt",
)
GROUPS_DROPPED: Final = Metric(
    "aurelius_relay_groups_dropped_total",
    "counter",
    ("stream", "reason"),
    "Consumer groups that were removed because what they had not acknowledged was too old, or too much.",
    "relay_groups_dropped",
)
JOB_DURATION: Final = Metric(
    "aurelius_job_duration_seconds",
    "histogram",
    ("kind", "outcome"),
    "Time a worker was at a job, by what became of it: succeeded, failed, or left (cancelled, lost or handed back).",
    "job_duration",
)
JOBS_TAKEN_AGAIN: Final = Metric(
    "aurelius_jobs_taken_again_total",
    "counter",
    ("kind",),
    "Jobs that were taken by a worker after another one had died over them or was cut off.",
    "jobs_taken_again",
)
TAKEN_OVER: Final = Metric(
    "aurelius_bus_entries_taken_over_total",
    "counter",
    (SERVICE, "stream"),
    "Entries that a service took over from a process of its own that died, or hung.",
    "entries_taken_over",
)
DEAD: Final = Metric(
    "aurelius_bus_dead_letters_total",
    "counter",
    (SERVICE, "stream", "reason"),
    "Entries that could not be done and were put aside, by the stream they came of. How many are there now is the "
    "length of the stream aurelius.dead.<stream>.",
    "dead_letters",
)
CPU: Final = Metric(
    "aurelius_process_cpu_seconds_total",
    "counter",
    (SERVICE,),
    "Processor time, user and system, of a service's processes.",
    "process_cpu_seconds",
)
TIMING_BATCHES: Final = Metric(
    "aurelius_timing_batches_total",
    "counter",
    ("outcome",),
    "Batches of timings by what became of them: applied, stale (late or doubled) or unreadable.",
    "timing_batches",
)
TIMING_SERIES_REFUSED: Final = Metric(
    "aurelius_timing_series_refused_total",
    "counter",
    ("reason",),
    "Series in batches of timings that do not fit the table of metrics.",
    "timing_series_refused",
)

MEMORY: Final = Metric(
    "aurelius_process_resident_memory_bytes",
    "gauge",
    (SERVICE,),
    "Resident memory of a service's processes, shared pages counted in each.",
    "process_resident_memory_bytes",
)
OPEN_FILES: Final = Metric(
    "aurelius_process_open_fds",
    "gauge",
    (SERVICE,),
    "Open file descriptors of a service's processes.",
    "process_open_fds",
)

JOBS: Final = Metric(
    "aurelius_jobs",
    "gauge",
    ("kind", "state"),
    "Jobs of the workers that have not ended: queued, or running.",
    "jobs",
    of_all=True,
)
JOBS_OLDEST_WAIT: Final = Metric(
    "aurelius_jobs_oldest_wait_seconds",
    "gauge",
    ("kind",),
    "How long the oldest job of those that are queued has been asked for.",
    "jobs_oldest_wait_seconds",
    of_all=True,
)
SERVICE_UP: Final = Metric(
    "aurelius_service_up", "gauge", (SERVICE,), "1 while at least one process of the service reports, else 0."
)
SERVICE_PROCESSES: Final = Metric(
    "aurelius_service_processes", "gauge", (SERVICE,), "Processes of the service that report."
)
STREAM_LENGTH: Final = Metric("aurelius_bus_stream_length", "gauge", ("stream",), "Entries in a stream of the bus.")
GROUP_PENDING: Final = Metric(
    "aurelius_bus_group_pending", "gauge", ("stream", "group"), "Entries a consumer group was given and owes."
)
GROUP_LAG: Final = Metric(
    "aurelius_bus_group_lag", "gauge", ("stream", "group"), "Entries a consumer group has not been given yet."
)
CACHE_CONNECTED: Final = Metric(
    "aurelius_cache_server_connected", "gauge", (), "1 when the cache server answered the metrics service, else 0."
)
CACHE_MEMORY: Final = Metric("aurelius_cache_memory_used_bytes", "gauge", (), "Memory the cache server uses.")
CACHE_EVICTED: Final = Metric(
    "aurelius_cache_evicted_keys_total",
    "counter",
    (),
    "Keys that the cache server removed before their time to make room, since it began to run.",
)
CACHE_KEYS: Final = Metric("aurelius_cache_keys", "gauge", (), "Keys in the cache server's database.")
BUILD_INFO: Final = Metric("aurelius_build_info", "gauge", ("version", "python"), "1, with the platform's version.")

METRICS: Final[tuple[Metric, ...]] = (
    HTTP_DURATION,
    RPC_SERVED,
    RPC_CALLED,
    LOOP_LAG,
    EVENT_LAG,
    EVENT_OVERDUE,
    CACHE_HITS,
    CACHE_MISSES,
    CACHE_BYPASSES,
    CACHE_FILLS,
    CACHE_FILLS_REFUSED,
    CACHE_ORPHANS,
    L1_HITS,
    L1_MISSES,
    L1_EVICTIONS,
    L1_BYTES,
    L1_FEED_AGE,
    INVALIDATIONS,
    CACHE_RAISES,
    CACHE_RAISE_DURATION,
    CACHE_OPENING_DURATION,
    CACHE_STATE,
    CACHE_PROBES,
    CACHE_PROBES_NOT_DONE,
    CACHE_INCONSISTENCIES,
    CACHE_STALENESS,
    EVENTS_REFUSED,
    RELAY_BACKLOG,
    RELAY_LAG,
    EVENTS_REBUILT,
    GROUPS_DROPPED,
    JOB_DURATION,
    JOBS_TAKEN_AGAIN,
    TAKEN_OVER,
    DEAD,
    CPU,
    TIMING_BATCHES,
    TIMING_SERIES_REFUSED,
    MEMORY,
    OPEN_FILES,
    JOBS,
    JOBS_OLDEST_WAIT,
    SERVICE_UP,
    SERVICE_PROCESSES,
    STREAM_LENGTH,
    GROUP_PENDING,
    GROUP_LAG,
    CACHE_CONNECTED,
    CACHE_MEMORY,
    CACHE_KEYS,
    CACHE_EVICTED,
    BUILD_INFO,
)
REPORTED: Final[dict[tuple[Kind, str], Metric]] = {
    (metric.kind, metric.reported): metric for metric in METRICS if metric.reported is not None
}
OF_ALL: Final = frozenset(metric.name for metric in METRICS if metric.of_all)
