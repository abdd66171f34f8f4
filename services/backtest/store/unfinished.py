"""How much waits or is being done: of one owner, counted exactly, and of all, as a figure.

Nothing keeps a count: what is unfinished is a row, and no row can be forgotten by a count that a crash left behind.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.backtest.store.jobs import Urgency
from shared.runtime.database import Connection

# Until the transaction ends, so that of two requests at the bound the second one sees the first.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($2 || ' of ' || $1, 0))"


def _jobs_of(urgency: Urgency) -> str:
    return f"""
    (SELECT count(*) FROM (
        SELECT FROM jobs WHERE owner_id = $1 AND urgency = {urgency:d} AND NOT ended AND lease_until IS NULL LIMIT $2
    ) AS waiting)
    + (SELECT count(*) FROM jobs
       WHERE owner_id = $1 AND urgency = {urgency:d} AND NOT ended AND lease_until IS NOT NULL)
    """  # noqa: S608  # our own numbers


def _sweeps_that(status: str) -> str:
    return f"""
    + (SELECT count(*) FROM (SELECT FROM sweeps WHERE owner_id = $1 AND status = '{status}' LIMIT $2) AS {status})
    """  # noqa: S608  # our own words


_ASKED_FOR = f"SELECT {_jobs_of(Urgency.SINGLE)} {_sweeps_that('queued')} {_sweeps_that('running')}"
_CHECKS = f"SELECT {_jobs_of(Urgency.CHECK)}"

# Each by an index of its own: most rows are of jobs that have ended.
_OF_ALL = f"""
SELECT kind, false AS running, count(*) AS jobs, min(created_at) AS since FROM jobs
WHERE NOT ended AND lease_until IS NULL AND urgency < {Urgency.CARE:d} GROUP BY kind
UNION ALL
SELECT kind, false, count(*), min(created_at) FROM jobs
WHERE NOT ended AND lease_until IS NULL AND urgency = {Urgency.CARE:d} GROUP BY kind
UNION ALL
SELECT kind, true, count(*), min(created_at) FROM jobs WHERE NOT ended AND lease_until IS NOT NULL GROUP BY kind
"""  # noqa: S608  # our own number


class Share(msgspec.Struct, frozen=True):
    """The jobs of one kind that wait, or that workers have, and when the oldest was asked for."""

    kind: str
    running: bool
    jobs: int
    since: datetime


async def count_asked_for(connection: Connection, owner_id: str, most: int) -> int:
    """Count an owner's runs, verifications and sweeps that have not ended, up to `most` or a little more.

    No other transaction counts this owner's until this one has ended.
    """
    return await _count(connection, _ASKED_FOR, "jobs", owner_id, most)


async def count_checks(connection: Connection, owner_id: str, most: int) -> int:
    """Count an owner's prefix tests in the same way."""
    return await _count(connection, _CHECKS, "checks", owner_id, most)


async def _count(connection: Connection, statement: str, what: str, owner_id: str, most: int) -> int:
    await connection.execute(_LOCK, owner_id, what)
    found: Any = await connection.fetchval(statement, owner_id, most)
    return int(found)


async def shares_of_all(connection: Connection) -> Sequence[Share]:
    """Return what waits and what is being done, by kind. It reads every job that has not ended."""
    return [msgspec.convert(dict(row), Share) for row in await connection.fetch(_OF_ALL)]
