"""The removal of old answers from a table most of which are not old."""

from bench.query_plans.query import Query, Service, Trial
from shared.runtime.database import Connection
from shared.runtime.recorded_answers import forget

_OLD = 100
_INDEXES = frozenset({"request_answer_by_expiry", "request_answer_pkey"})

_ADD = """
INSERT INTO request_answer (key, request_id, body, expires_at)
SELECT 'old ' || n, '', '{}', now() - n * interval '1 s' FROM generate_series(1, $1::int) AS n
"""


def query(service: Service) -> Query:
    """Return the query: each row is found by its time, locked, and removed by its key."""
    trial = Trial(_forget, rows=3 * _OLD, writes=_OLD, before=_add)
    return Query(f"{_OLD} old answers of {service} forgotten", service, _INDEXES, [trial])


async def _add(connection: Connection) -> None:
    await connection.execute(_ADD, _OLD)


async def _forget(connection: Connection) -> None:
    await forget(connection, _OLD)
