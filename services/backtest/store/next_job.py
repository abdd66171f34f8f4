"""Which job is next. Owners take turns: first whoever has fewest jobs at workers, of these the one that comes after the
owner whose turn was last, in the order of their ids. However many jobs one of them has, another's begins as soon as it
would if there were two.

Nothing is kept of the turns in the database: each worker goes round on its own, and none waits for another. What is
read are a few rows for each worker there is, however many jobs and owners wait.
"""

from collections.abc import Sequence

import msgspec

from services.backtest.store.jobs import LEASE_SECONDS, Job, Urgency
from shared.runtime.database import Connection

_NAME = "subject, kind, part"
_WAITS = "NOT ended AND lease_until IS NULL AND kind = ANY ($2)"
_ASKED_FOR = f"{_WAITS} AND urgency < {Urgency.CARE:d}"
_HIGHEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"

_THE_FIRST_OF = f"""
SELECT j.* FROM %s CROSS JOIN LATERAL (
    SELECT {_NAME} FROM jobs WHERE {_ASKED_FOR} AND owner_id = %s.owner_id
    ORDER BY urgency, created_at, subject, part LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS j
"""  # noqa: S608  # our own conditions

_TAKE = """
UPDATE jobs AS j
SET lease = j.lease + 1, attempts = j.attempts + 1, lease_until = clock_timestamp() + make_interval(secs => $1)
FROM free
WHERE (j.subject, j.kind, j.part) = (free.subject, free.kind, free.part)
RETURNING j.subject, j.kind, j.part, j.owner_id, j.lease, j.attempts, j.traceparent,
    extract(epoch FROM clock_timestamp() - j.created_at)::float8 AS waited
"""

# `round` are the owners who wait, each found by one step along the index: those behind the one whose turn was last,
# then the others up to it. `nearest` are as many of them as have jobs at workers and one more, so that one of these has
# none, or they are all that wait; the rest is asked when what these have is being taken by others at this moment.
# A job whose lease has lapsed goes first: it has had its turn, and its worker is dead or cut off.
_TAKE_NEXT = f"""
WITH RECURSIVE busy AS MATERIALIZED (
    SELECT owner_id, count(*) AS jobs FROM jobs WHERE NOT ended AND lease_until IS NOT NULL GROUP BY owner_id
), round AS (
    SELECT $3::uuid AS owner_id, '{_HIGHEST}'::uuid AS up_to
    UNION ALL
    SELECT following.* FROM round CROSS JOIN LATERAL (
        (
            SELECT owner_id, round.up_to FROM jobs
            WHERE {_ASKED_FOR} AND owner_id > round.owner_id AND owner_id <= round.up_to
            ORDER BY owner_id LIMIT 1
        )
        UNION ALL
        (
            SELECT owner_id, $3 FROM jobs
            WHERE {_ASKED_FOR} AND owner_id <= $3 AND round.up_to > $3
            ORDER BY owner_id LIMIT 1
        )
        LIMIT 1
    ) AS following
), turns AS (
    SELECT owner_id, row_number() OVER () AS turn FROM round OFFSET 1
), nearest AS (
    SELECT first.owner_id
    FROM (SELECT owner_id, turn FROM turns LIMIT (SELECT count(*) + 1 FROM busy)) AS first
    LEFT JOIN busy USING (owner_id)
    ORDER BY coalesce(busy.jobs, 0), turn
), free AS (
    SELECT * FROM (
        SELECT {_NAME} FROM jobs WHERE NOT ended AND lease_until < statement_timestamp() AND kind = ANY ($2)
        ORDER BY lease_until LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS lapsed
    UNION ALL
    ({_THE_FIRST_OF % ("nearest", "nearest")})
    UNION ALL
    ({_THE_FIRST_OF % ("turns", "turns")})
    LIMIT 1
)
{_TAKE}
"""  # noqa: S608  # our own conditions

_TAKE_CARE = f"""
WITH free AS (
    SELECT {_NAME} FROM jobs WHERE {_WAITS} AND urgency = {Urgency.CARE:d}
    ORDER BY created_at LIMIT 1
    FOR UPDATE SKIP LOCKED
)
{_TAKE}
"""  # noqa: S608  # our own conditions


async def take_next_job(connection: Connection, kinds: Sequence[str], served: str) -> Job | None:
    """Lock and take the next job of these kinds that somebody asked for, or that a worker has lost; None for none.

    `served` is the owner whose turn was last. Of one owner's the most urgent goes first that has waited longest.
    """
    row = await connection.fetchrow(_TAKE_NEXT, LEASE_SECONDS, kinds, served)
    return None if row is None else msgspec.convert(dict(row), Job)


async def take_care_job(connection: Connection, kinds: Sequence[str]) -> Job | None:
    """Lock and take the house-keeping of these kinds that has waited longest; None when there is none."""
    row = await connection.fetchrow(_TAKE_CARE, LEASE_SECONDS, kinds)
    return None if row is None else msgspec.convert(dict(row), Job)
