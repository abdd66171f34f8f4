"""Metrics of the servers beneath the services: Postgres, the bus, the cache server."""

from typing import Final

from services.metrics.core.metric import SERVICE, Metric

DATABASE_CONNECTIONS: Final = Metric(
    "aurelius_database_connections",
    "gauge",
    (),
    "Connections to the database, whoever has them.",
    "database_connections",
    of_all=True,
)
DATABASE_CONNECTIONS_LIMIT: Final = Metric(
    "aurelius_database_connections_limit",
    "gauge",
    (),
    "Connections that the database server lets in, to all its databases.",
    "database_connections_limit",
    of_all=True,
)
DATABASE_SIZE: Final = Metric(
    "aurelius_database_size_bytes", "gauge", (), "Size of the database on disk.", "database_size_bytes", of_all=True
)
TABLE_SIZE: Final = Metric(
    "aurelius_database_table_size_bytes",
    "gauge",
    (SERVICE, "table"),
    "Size of a table on disk with its indexes.",
    "database_table_size_bytes",
    of_all=True,
)
TABLE_ROWS: Final = Metric(
    "aurelius_database_table_rows",
    "gauge",
    (SERVICE, "table"),
    "Rows of a table, as the planner estimates them.",
    "database_table_rows",
    of_all=True,
)
TABLE_DEAD_ROWS: Final = Metric(
    "aurelius_database_table_dead_rows",
    "gauge",
    (SERVICE, "table"),
    "Rows of a table that wait to be vacuumed, as Postgres estimates them.",
    "database_table_dead_rows",
    of_all=True,
)
POOL_CONNECTIONS: Final = Metric(
    "aurelius_database_pool_connections",
    "gauge",
    (SERVICE, "state"),
    "Connections in the pools of a service's processes: used, or idle.",
    "database_pool_connections",
)
POOL_LIMIT: Final = Metric(
    "aurelius_database_pool_limit",
    "gauge",
    (SERVICE,),
    "Connections that the pools of a service's processes may have.",
    "database_pool_limit",
)
POOL_WAIT: Final = Metric(
    "aurelius_database_pool_wait_seconds",
    "histogram",
    (SERVICE,),
    "Time that was waited for a connection of a pool, in vain too.",
    "database_pool_wait",
)

STREAM_LENGTH: Final = Metric("aurelius_bus_stream_length", "gauge", ("stream",), "Entries in a stream of the bus.")
GROUP_PENDING: Final = Metric(
    "aurelius_bus_group_pending", "gauge", ("stream", "group"), "Entries a consumer group was given and owes."
)
GROUP_OLDEST_PENDING: Final = Metric(
    "aurelius_bus_group_oldest_pending_seconds",
    "gauge",
    ("stream", "group"),
    "Age of the oldest entry a consumer group was given and owes, 0 without one; of streams whose ids are times.",
)
GROUP_LAG: Final = Metric(
    "aurelius_bus_group_lag", "gauge", ("stream", "group"), "Entries a consumer group has not been given yet."
)

_SERVER: Final = ("server",)
REDIS_UP: Final = Metric(
    "aurelius_redis_up", "gauge", _SERVER, "1 when the server (bus, cache) answered the metrics service, else 0."
)
REDIS_UPTIME: Final = Metric(
    "aurelius_redis_uptime_seconds", "gauge", _SERVER, "Time since the server began to run. Its counters began then."
)
REDIS_MEMORY: Final = Metric("aurelius_redis_memory_used_bytes", "gauge", _SERVER, "Memory that the server uses.")
REDIS_MEMORY_RESIDENT: Final = Metric(
    "aurelius_redis_memory_resident_bytes", "gauge", _SERVER, "Resident memory of the server's process."
)
REDIS_MEMORY_LIMIT: Final = Metric(
    "aurelius_redis_memory_limit_bytes", "gauge", _SERVER, "Memory that the server may use, 0 for no limit."
)
REDIS_CLIENTS: Final = Metric("aurelius_redis_clients", "gauge", _SERVER, "Connections to the server.")
REDIS_BLOCKED: Final = Metric(
    "aurelius_redis_blocked_clients", "gauge", _SERVER, "Connections that wait in a command, as readers of streams do."
)
REDIS_REJECTED: Final = Metric(
    "aurelius_redis_rejected_connections_total", "counter", _SERVER, "Connections refused because there were too many."
)
REDIS_COMMANDS: Final = Metric(
    "aurelius_redis_commands_total", "counter", _SERVER, "Commands that the server has carried out."
)
REDIS_HITS: Final = Metric(
    "aurelius_redis_keyspace_hits_total", "counter", _SERVER, "Keys that commands looked for and found."
)
REDIS_MISSES: Final = Metric(
    "aurelius_redis_keyspace_misses_total", "counter", _SERVER, "Keys that commands looked for in vain."
)
REDIS_EVICTED: Final = Metric(
    "aurelius_redis_evicted_keys_total", "counter", _SERVER, "Keys removed before their time to make room."
)
REDIS_EXPIRED: Final = Metric("aurelius_redis_expired_keys_total", "counter", _SERVER, "Keys whose time was up.")
CACHE_KEYS: Final = Metric("aurelius_cache_keys", "gauge", (), "Keys in the cache server's database.")

SERVER_METRICS: Final = (
    DATABASE_CONNECTIONS,
    DATABASE_CONNECTIONS_LIMIT,
    DATABASE_SIZE,
    TABLE_SIZE,
    TABLE_ROWS,
    TABLE_DEAD_ROWS,
    POOL_CONNECTIONS,
    POOL_LIMIT,
    POOL_WAIT,
    STREAM_LENGTH,
    GROUP_PENDING,
    GROUP_OLDEST_PENDING,
    GROUP_LAG,
    REDIS_UP,
    REDIS_UPTIME,
    REDIS_MEMORY,
    REDIS_MEMORY_RESIDENT,
    REDIS_MEMORY_LIMIT,
    REDIS_CLIENTS,
    REDIS_BLOCKED,
    REDIS_REJECTED,
    REDIS_COMMANDS,
    REDIS_HITS,
    REDIS_MISSES,
    REDIS_EVICTED,
    REDIS_EXPIRED,
    CACHE_KEYS,
)
