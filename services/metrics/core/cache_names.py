"""Metrics of the cache: of its use, of its state, and of what its live checker finds."""

from typing import Final

from services.metrics.core.metric import SERVICE, Metric

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

CACHE_METRICS: Final = (
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
)
