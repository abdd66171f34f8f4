"""Every metric there is: its name, type, labels and meaning, in one table that rendering and readers share.

Names follow Prometheus' practice: a prefix, base units, `_total` on counters; routes are templates, never paths.
`reported` is the name under which processes send it; a metric without one is made by the metrics service itself.
A `service` label that is not reported is the sender's own service.
"""

from typing import Final

from services.metrics.core.metric import SERVICE, Kind, Metric
from services.metrics.core.process_names import PROCESS_METRICS
from services.metrics.core.server_names import SERVER_METRICS

HTTP_ANSWERS: Final = Metric(
    "http_answers_seconds",
    "histogram",
    ("method", "route", "status"),
    "What the gateway measures of HTTP.",
    "http_request_duration",
    source=True,
)
HTTP_DURATION: Final = Metric(
    "aurelius_http_request_duration_seconds",
    "histogram",
    ("method", "route", "status_class"),
    "Time from a request's first byte in to its answer's last byte out, in the gateway.",
)
HTTP_REQUESTS: Final = Metric(
    "aurelius_http_requests_total", "counter", ("method", "route", "status"), "HTTP requests that were answered."
)
STAGE_DURATION: Final = Metric(
    "aurelius_stage_duration_seconds",
    "histogram",
    (SERVICE, "stage"),
    "Where the time of requests goes. In the gateway: cache, bus (on the way to a service and back), service (there), "
    "database (of that) and coding; what its own cache holds ready has no stages. In the others: database (each use of "
    "a connection).",
    "stage_duration",
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
    ("layer", "kind"),
    "Answers that a level of the cache (l1, l2) would have given, compared with the database by the live checker: by "
    "their version, or some by their body. Without a finding in k of them no more than 3/k of all are claimed to be "
    "stale, at 95 %.",
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
    ("layer", "window", "kind"),
    "Objects that a level of the cache still served older than the database had told this long before (0s, 1s, 10s, "
    "60s), each counted in every window in which it was seen; of kind body, answers that differ at one version.",
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
OUTBOX_OLDEST: Final = Metric(
    "aurelius_outbox_oldest_unpublished_seconds",
    "gauge",
    (SERVICE,),
    "Time since the oldest row of a service's outbox that waits to be published was announced.",
    "outbox_oldest_unpublished_seconds",
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
JOB_STAGE_DURATION: Final = Metric(
    "aurelius_job_stage_duration_seconds",
    "histogram",
    ("kind", "stage"),
    "Where the time of jobs goes: wait (from being asked for to a worker's first taking it), compute, store.",
    "job_stage_duration",
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

METRICS: Final[tuple[Metric, ...]] = (
    HTTP_DURATION,
    HTTP_REQUESTS,
    STAGE_DURATION,
    RPC_SERVED,
    RPC_CALLED,
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
    OUTBOX_OLDEST,
    EVENTS_REBUILT,
    GROUPS_DROPPED,
    JOBS,
    JOBS_OLDEST_WAIT,
    JOB_DURATION,
    JOB_STAGE_DURATION,
    JOBS_TAKEN_AGAIN,
    TAKEN_OVER,
    DEAD,
    *PROCESS_METRICS,
    *SERVER_METRICS,
    TIMING_BATCHES,
    TIMING_SERIES_REFUSED,
)
"""All that there is to see."""

ALL: Final = {metric.name: metric for metric in (HTTP_ANSWERS, *METRICS)}
REPORTED: Final[dict[tuple[Kind, str], Metric]] = {
    (metric.kind, metric.reported): metric for metric in ALL.values() if metric.reported is not None
}
OF_ALL: Final = frozenset(metric.name for metric in METRICS if metric.of_all)
