"""Every metric there is: its name, type, labels and meaning, in one table that rendering and readers share.

Names follow Prometheus' practice: a prefix, base units, `_total` on counters; routes are templates, never paths.
`reported` is the name under which processes send it; a metric without one is made by the metrics service itself.
A `service` label that is not reported is the sender's own service.
"""

from typing import Final

from services.metrics.core.cache_names import CACHE_METRICS
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
    kept=("status",),
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
    of_all=True,
)
OUTBOX_OLDEST: Final = Metric(
    "aurelius_outbox_oldest_unpublished_seconds",
    "gauge",
    (SERVICE,),
    "Time since the oldest row of a service's outbox that waits to be published was announced.",
    "outbox_oldest_unpublished_seconds",
    of_all=True,
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
RETENTION_REMOVED: Final = Metric(
    "aurelius_retention_removed_total",
    "counter",
    (SERVICE, "what"),
    "Rows and files that a service removed because they were older than they are kept, by what they were.",
    "retention_removed",
)
TIMING_BATCHES: Final = Metric(
    "aurelius_timing_batches_total",
    "counter",
    ("outcome",),
    "Batches of timings that a process of the metrics service read, by what became of them: applied, stale (late or "
    "doubled) or unreadable.",
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
    *CACHE_METRICS,
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
    RETENTION_REMOVED,
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
