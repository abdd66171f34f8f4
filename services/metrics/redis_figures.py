"""What a Redis-protocol server says of itself, as figures."""

from collections.abc import Mapping
from typing import Final

from services.metrics.core.metric import Metric
from services.metrics.core.server_names import (
    REDIS_BLOCKED,
    REDIS_CLIENTS,
    REDIS_COMMANDS,
    REDIS_EVICTED,
    REDIS_EXPIRED,
    REDIS_HITS,
    REDIS_MEMORY,
    REDIS_MEMORY_LIMIT,
    REDIS_MEMORY_RESIDENT,
    REDIS_MISSES,
    REDIS_REJECTED,
    REDIS_UP,
    REDIS_UPTIME,
)
from services.metrics.core.totals import Series

Info = Mapping[str, object]
"""The answer to INFO."""

_TOLD: Final[dict[Metric, str]] = {
    REDIS_UPTIME: "uptime_in_seconds",
    REDIS_MEMORY: "used_memory",
    REDIS_MEMORY_RESIDENT: "used_memory_rss",
    REDIS_MEMORY_LIMIT: "maxmemory",
    REDIS_CLIENTS: "connected_clients",
    REDIS_BLOCKED: "blocked_clients",
    REDIS_REJECTED: "rejected_connections",
    REDIS_COMMANDS: "total_commands_processed",
    REDIS_HITS: "keyspace_hits",
    REDIS_MISSES: "keyspace_misses",
    REDIS_EVICTED: "evicted_keys",
    REDIS_EXPIRED: "expired_keys",
}


def redis_figures(servers: Mapping[str, Info | None]) -> dict[str, Series]:
    """Return what each server, by its name here, has told; None for one that did not answer."""
    figures: dict[str, Series] = {REDIS_UP.name: {(server,): [int(bool(info))] for server, info in servers.items()}}
    for metric, name in _TOLD.items():
        told = {server: info.get(name) for server, info in servers.items() if info}
        series: Series = {(server,): [value] for server, value in told.items() if isinstance(value, int | float)}
        if series:
            figures[metric.name] = series
    return figures
