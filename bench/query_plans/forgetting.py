"""The removal of what is old from tables most of whose rows are not."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bench.query_plans.query import Query, Service, Trial, Use
from services.backtest.store.spent import remove_disowned_datasets, remove_ended_jobs
from services.strategy.store.expired_sessions import remove_expired, remove_tokens_of_expired
from shared.runtime.database import Connection
from shared.runtime.recorded_answers import forget

_OLD = 100

_ADD_ANSWERS = """
INSERT INTO request_answer (key, request_id, body, expires_at)
SELECT 'old ' || n, '', '{}', now() - n * interval '1 s' FROM generate_series(1, $1::int) AS n
"""
_ADD_SESSIONS = """
WITH old AS (
    INSERT INTO sessions SELECT gen_random_uuid(), id, '', now(), '2020-01-01'
    FROM (SELECT id FROM users LIMIT 1) AS u, generate_series(1, $1::int) RETURNING id
)
INSERT INTO used_refresh_tokens SELECT sha256(id::text::bytea), id, now() FROM old
"""
_ADD_JOBS = """
INSERT INTO jobs (subject, kind, owner_id, urgency, created_at, traceparent, ended, ended_at)
SELECT gen_random_uuid(), 'removal', gen_random_uuid(), 3, now(), '', true, now() - interval '90 days'
FROM generate_series(1, $1::int)
"""
_ADD_DATASETS = """
INSERT INTO datasets
SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000000', '', '', '', '', 2, '2020-01-01', '2020-01-02',
       repeat('a', 64), 0, 0, 0, now()
FROM generate_series(1, $1::int)
"""
_LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)


_ANSWERS = ("request_answer_by_expiry", "request_answer_pkey")
_SESSIONS = ("sessions_by_expiry", "sessions_pkey", "used_refresh_tokens_by_session", "used_refresh_tokens_pkey")
_JOBS = ("jobs_by_end", "sweeps_pkey")
_DATASETS = (
    "datasets_by_created_at",
    "datasets_pkey",
    "backtests_by_dataset_status",
    "sweeps_by_dataset_created_at",
    "validations_by_dataset",
)


def queries(service: Service) -> list[Query]:
    """Return the queries: each row is found by its time, locked, and removed by its key."""
    answers = _query(f"old answers of {service} forgotten", service, _ANSWERS, _ADD_ANSWERS, _forget)
    if service == "strategy":
        return [
            answers,
            _query("expired sessions removed", service, _SESSIONS, _ADD_SESSIONS, _remove_sessions, rows=6),
        ]
    jobs = _query("ended jobs removed", service, _JOBS, _ADD_JOBS, _remove_jobs)
    return [answers, jobs, _query("deleted datasets removed", service, _DATASETS, _ADD_DATASETS, _remove_datasets)]


def _query(name: str, service: Service, indexes: Sequence[str], add: str, run: Use, *, rows: int = 3) -> Query:
    async def before(connection: Connection) -> None:
        await connection.execute(add, _OLD)

    trial = Trial(run, rows=rows * _OLD, writes=rows // 3 * _OLD, before=before)
    return Query(f"{_OLD} {name}", service, frozenset(indexes), [trial])


async def _forget(connection: Connection) -> None:
    await forget(connection, _OLD)


async def _remove_sessions(connection: Connection) -> None:
    await remove_tokens_of_expired(connection, _LONG_AGO, _OLD)
    await remove_expired(connection, _LONG_AGO, _OLD)


async def _remove_jobs(connection: Connection) -> None:
    await remove_ended_jobs(connection, 86_400.0, _OLD)


async def _remove_datasets(connection: Connection) -> None:
    await remove_disowned_datasets(connection, _OLD)
