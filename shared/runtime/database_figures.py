"""What the metrics service is told of the database: this process's pool, and for all of them what Postgres tells."""

import logging
from typing import Final

from shared.contracts.errors import Unavailable
from shared.contracts.timings import Gauge
from shared.runtime.database import Connection, Database
from shared.runtime.resting import repeat
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

READ_SECONDS: Final = 15.0
# Sizes are those of files, which are looked up one by one. Reading takes one part of the time in so many.
REST: Final = 100.0

_WHOLE = """
SELECT numbackends, current_setting('max_connections')::integer AS most, pg_database_size(datid) AS bytes
FROM pg_stat_database WHERE datname = current_database()
"""
_TABLES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, greatest(c.reltuples, 0)::float8 AS rows,
    coalesce(s.n_dead_tup, 0) AS dead
FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
"""


def report_pool(timings: Timings, database: Database) -> None:
    """Report how this process's connections are used with every batch."""
    database.observe(
        waited=timings.series("database_pool_wait").add, held=timings.series("stage_duration", stage="database").add
    )

    def gauges() -> list[Gauge]:
        use = database.pool_use()
        return [
            Gauge(name="database_pool_connections", labels={"state": "used"}, value=use.used),
            Gauge(name="database_pool_connections", labels={"state": "idle"}, value=use.idle),
            Gauge(name="database_pool_limit", labels={}, value=use.limit),
        ]

    timings.gauges_from(gauges)


class DatabaseFigures:
    """What Postgres tells of the database and the service's schema. One process of a service reads it for all."""

    def __init__(self, database: Database, timings: Timings) -> None:
        self._database = database
        self._gauges: list[Gauge] = []
        timings.gauges_from(lambda: self._gauges)

    async def run(self) -> None:
        """Read every READ_SECONDS until cancelled."""
        await repeat(self.read, every=READ_SECONDS, rest=REST)

    async def read(self) -> bool:
        """Read once, and say whether the database answered. While it is away nothing is told of it."""
        try:
            async with self._database.reading() as connection:
                self._gauges = [*await _of_the_whole(connection), *await _of_tables(connection)]
        except Unavailable as error:
            log.info("the database does not tell its figures: %s", error)
            self._gauges = []
            return False
        return True


async def _of_the_whole(connection: Connection) -> list[Gauge]:
    row = await connection.fetchrow(_WHOLE)
    if row is None:
        return []
    return [
        Gauge(name="database_connections", labels={}, value=row["numbackends"]),
        Gauge(name="database_connections_limit", labels={}, value=row["most"]),
        Gauge(name="database_size_bytes", labels={}, value=row["bytes"]),
    ]


async def _of_tables(connection: Connection) -> list[Gauge]:
    gauges = []
    for row in await connection.fetch(_TABLES):
        labels = {"table": row["name"]}
        gauges += [
            Gauge(name="database_table_size_bytes", labels=labels, value=row["bytes"]),
            Gauge(name="database_table_rows", labels=labels, value=row["rows"]),
            Gauge(name="database_table_dead_rows", labels=labels, value=row["dead"]),
        ]
    return gauges
