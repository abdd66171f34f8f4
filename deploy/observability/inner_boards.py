"""What the dashboards show of the platform's inside: cache, bus and jobs, database, processes."""

from typing import Final

from deploy.observability.panels import Board, Panel, quantile, rate

CACHE: Final = Board(
    "cache",
    "Cache",
    [
        Panel(
            "Reads by who answered",
            [("sum by (answered) (type:aurelius_cache_reads:rate5m)", "{{answered}}")],
            "reqps",
        ),
        Panel(
            "Share of reads that were cached", [("type:aurelius_cache_hits:ratio_rate5m", "{{type}}")], "percentunit"
        ),
        Panel("Open", [("aurelius_cache_state", "{{keeper}}")]),
        Panel(
            "Past the cache", [(rate("aurelius_cache_bypass_total", "type", "reason"), "{{type}} {{reason}}")], "reqps"
        ),
        Panel("Stored", [(rate("aurelius_cache_fills_total", "type"), "{{type}}")], "ops"),
        Panel(
            "Not stored", [(rate("aurelius_cache_fill_refused_total", "type", "reason"), "{{type}} {{reason}}")], "ops"
        ),
        Panel(
            "Changes",
            [
                (rate("aurelius_cache_invalidations_total", "type"), "{{type}}"),
                (rate("aurelius_cache_orphan_floors_total", "type"), "orphans: {{type}}"),
            ],
            "ops",
        ),
        Panel(
            "Writes told",
            [(rate("aurelius_cache_raises_total", "service", "outcome"), "{{service}} {{outcome}}")],
            "ops",
        ),
        Panel(
            "Writes waited for the cache, p95",
            [(quantile(0.95, "aurelius_cache_raise_duration_seconds", "service"), "{{service}}")],
            "s",
        ),
        Panel(
            "The processes' own",
            [
                (rate("aurelius_cache_l1_misses_total", "type"), "not there: {{type}}"),
                (rate("aurelius_cache_l1_evictions_total", "type"), "dropped: {{type}}"),
            ],
            "ops",
        ),
        Panel("Memory of the processes' own", [("aurelius_cache_l1_bytes", "{{service}}")], "bytes"),
        Panel("Since the feed was heard", [("aurelius_cache_l1_feed_age_seconds", "longest")], "s"),
        Panel(
            "Checked",
            [
                (rate("aurelius_cache_probes_total", "layer", "kind"), "{{layer}} {{kind}}"),
                (rate("aurelius_cache_probes_not_done_total", "where"), "not answered: {{where}}"),
            ],
            "ops",
        ),
        Panel(
            "Found old",
            [
                (
                    "sum by (layer, window, kind) (aurelius_cache_inconsistencies:increase10m)",
                    "{{layer}} {{window}} {{kind}}",
                )
            ],
        ),
        Panel("For how long, p95", [(quantile(0.95, "aurelius_cache_staleness_seconds", "layer"), "{{layer}}")], "s"),
        Panel(
            "Memory of the server",
            [
                ('aurelius_redis_memory_used_bytes{server="cache"}', "used"),
                ('aurelius_redis_memory_resident_bytes{server="cache"}', "resident"),
                ('aurelius_redis_memory_limit_bytes{server="cache"}', "limit"),
            ],
            "bytes",
        ),
        Panel(
            "Keys",
            [
                ("aurelius_cache_keys", "there"),
                ('increase(aurelius_redis_evicted_keys_total{server="cache"}[$__rate_interval])', "evicted"),
                ('increase(aurelius_redis_expired_keys_total{server="cache"}[$__rate_interval])', "expired"),
            ],
        ),
        Panel(
            "Looked up",
            [
                ('rate(aurelius_redis_keyspace_hits_total{server="cache"}[$__rate_interval])', "found"),
                ('rate(aurelius_redis_keyspace_misses_total{server="cache"}[$__rate_interval])', "not found"),
            ],
            "ops",
        ),
        Panel(
            "Opening, p95", [(quantile(0.95, "aurelius_cache_opening_duration_seconds", "service"), "{{service}}")], "s"
        ),
    ],
)

BUS_AND_JOBS: Final = Board(
    "bus-and-jobs",
    "Bus and jobs",
    [
        Panel("Jobs", [("sum by (kind, state) (aurelius_jobs)", "{{kind}} {{state}}")]),
        Panel("Longest wait", [("aurelius_jobs_oldest_wait_seconds", "{{kind}}")], "s"),
        Panel(
            "Ended", [(rate("aurelius_job_duration_seconds_count", "kind", "outcome"), "{{kind}} {{outcome}}")], "ops"
        ),
        Panel("Time of a job, p95", [(quantile(0.95, "aurelius_job_duration_seconds", "kind"), "{{kind}}")], "s"),
        Panel(
            "Where it goes, p95",
            [(quantile(0.95, "aurelius_job_stage_duration_seconds", "kind", "stage"), "{{kind}} {{stage}}")],
            "s",
        ),
        Panel("Taken again in 10 minutes", [("aurelius_jobs_taken_again:increase10m", "{{kind}}")]),
        Panel("Not yet told to the cache", [("aurelius_event_overdue_seconds", "{{stream}}")], "s"),
        Panel(
            "From a change to its being applied, p95",
            [(quantile(0.95, "aurelius_event_lag_seconds", "service"), "{{service}}")],
            "s",
        ),
        Panel("Oldest unpublished", [("aurelius_outbox_oldest_unpublished_seconds", "{{service}}")], "s"),
        Panel("Unpublished", [("aurelius_relay_backlog", "{{service}}")]),
        Panel("Streams", [("topk(10, aurelius_bus_stream_length)", "{{stream}}")]),
        Panel("Dead letters", [('aurelius_bus_stream_length{stream=~"aurelius[.]dead[.].+"}', "{{stream}}")]),
        Panel("Before readers", [("aurelius_bus_group_lag", "{{stream}} {{group}}")]),
        Panel("In their hands", [("aurelius_bus_group_pending", "{{stream}} {{group}}")]),
        Panel("In their hands, oldest", [("aurelius_bus_group_oldest_pending_seconds", "{{stream}} {{group}}")], "s"),
        Panel(
            "What went wrong",
            [
                (rate("aurelius_bus_dead_letters_total", "stream", "reason"), "put aside: {{stream}} {{reason}}"),
                (rate("aurelius_bus_entries_taken_over_total", "stream"), "taken over: {{stream}}"),
                (rate("aurelius_events_refused_total", "stream", "reason"), "left out: {{stream}} {{reason}}"),
                (rate("aurelius_relay_rebuilt_total", "stream"), "appended again: {{stream}}"),
                (rate("aurelius_relay_groups_dropped_total", "stream", "reason"), "dropped: {{stream}} {{reason}}"),
            ],
            "ops",
        ),
        Panel(
            "Memory of the bus",
            [
                ('aurelius_redis_memory_used_bytes{server="bus"}', "used"),
                ('aurelius_redis_memory_resident_bytes{server="bus"}', "resident"),
                ('aurelius_redis_memory_limit_bytes{server="bus"}', "limit"),
            ],
            "bytes",
        ),
        Panel("Commands", [("rate(aurelius_redis_commands_total[$__rate_interval])", "{{server}}")], "ops"),
        Panel(
            "Connections",
            [
                ("aurelius_redis_clients", "{{server}}"),
                ("aurelius_redis_blocked_clients", "{{server}}: waiting"),
                ("increase(aurelius_redis_rejected_connections_total[$__rate_interval])", "{{server}}: refused"),
            ],
        ),
        Panel("Servers run for", [("aurelius_redis_uptime_seconds", "{{server}}")], "s"),
    ],
)

DATABASE: Final = Board(
    "database",
    "Database",
    [
        Panel(
            "Connections of the server",
            [("aurelius_database_connections", "taken"), ("aurelius_database_connections_limit", "limit")],
        ),
        Panel(
            "Connections of the pools",
            [
                ("aurelius_database_pool_connections", "{{service}} {{state}}"),
                ("aurelius_database_pool_limit", "{{service}} limit"),
            ],
        ),
        Panel(
            "Waited for a connection, p95",
            [("service:aurelius_database_pool_wait_seconds:p95_5m", "{{service}}")],
            "s",
        ),
        Panel(
            "Use of a connection",
            [
                (
                    quantile(0.5, "aurelius_stage_duration_seconds", "service", where='stage="database"'),
                    "{{service}} p50",
                ),
                (
                    quantile(0.95, "aurelius_stage_duration_seconds", "service", where='stage="database"'),
                    "{{service}} p95",
                ),
            ],
            "s",
        ),
        Panel("Size", [("aurelius_database_size_bytes", "all")], "bytes"),
        Panel("Largest tables", [("topk(10, aurelius_database_table_size_bytes)", "{{service}} {{table}}")], "bytes"),
        Panel("Rows", [("topk(10, aurelius_database_table_rows)", "{{service}} {{table}}")]),
        Panel("Dead rows", [("topk(10, aurelius_database_table_dead_rows)", "{{service}} {{table}}")]),
        Panel(
            "Removed by age",
            [(rate("aurelius_retention_removed_total", "service", "what"), "{{service}} {{what}}")],
            "ops",
        ),
    ],
)

PROCESSES: Final = Board(
    "processes",
    "Processes",
    [
        Panel("Cores", [("service:aurelius_process_cpu_seconds:rate5m", "{{service}}")]),
        Panel(
            "Memory of services",
            [("service:aurelius_process_proportional_memory_bytes:sum", "{{service}}")],
            "bytes",
        ),
        Panel("Memory of all", [("sum(aurelius_process_proportional_memory_bytes)", "all")], "bytes"),
        Panel(
            "Memory of processes", [("aurelius_process_proportional_memory_bytes", "{{service}} {{process}}")], "bytes"
        ),
        Panel("Resident", [("aurelius_process_resident_memory_bytes", "{{service}} {{process}}")], "bytes"),
        Panel(
            "Event loop, one wake-up in a hundred later than",
            [("service:aurelius_event_loop_lag_seconds:p99_5m", "{{service}}")],
            "s",
        ),
        Panel("Since the start", [("time() - aurelius_process_start_time_seconds", "{{service}} {{process}}")], "s"),
        Panel("Open files", [("aurelius_process_open_fds", "{{service}} {{process}}")]),
        Panel("Threads", [("aurelius_process_threads", "{{service}} {{process}}")]),
        Panel(
            "Batches of timings",
            [
                (rate("aurelius_timing_batches_total", "outcome"), "{{outcome}}"),
                ("sum by (reason) (aurelius_timing_series_refused:increase10m)", "series refused: {{reason}}"),
            ],
        ),
    ],
)
