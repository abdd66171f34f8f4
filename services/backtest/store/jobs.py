"""The queue of the workers: a row for each job, held by a lease.

Times of leases are the database's own, so that the workers' clocks need not agree. A worker that took a job is known by
the job's lease number: a statement about a job names it, and does nothing when another worker has taken the job since.
"""

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from shared.runtime.database import Connection

# A job whose worker is gone is another's within this and one poll of the workers.
LEASE_SECONDS = 2.5


class Kind(StrEnum):
    """What workers do; each in a module of `services.backtest.job_kinds`."""

    BACKTEST = "backtest"
    VERIFICATION = "verification"
    REMOVAL = "removal"
    SWEEP_START = "sweep_start"
    SWEEP_SLICE = "sweep_slice"
    SWEEP_END = "sweep_end"
    PREFIX_TEST = "prefix_test"


class Urgency(IntEnum):
    """What is taken first of an owner's: somebody waits for a single run, less so for a sweep.

    A check, of milliseconds or of seconds at most, goes before what may take minutes. For house-keeping nobody waits:
    it goes behind what any owner has asked for.
    """

    SINGLE = 0
    CHECK = 1
    BULK = 2
    CARE = 3


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work as the worker that took it knows it: part `part` of what `kind` does for `subject`.

    `traceparent` is that of the request that asked for it, `waited` the seconds since then.
    """

    subject: str
    kind: str
    part: int
    owner_id: str
    lease: int
    attempts: int
    traceparent: str
    waited: float = 0.0


_ENQUEUE = """
INSERT INTO jobs (subject, kind, part, owner_id, urgency, created_at, traceparent)
SELECT $1, $2, part, $4, $5, $6, $7 FROM generate_series(0, $3::integer - 1) AS part
ON CONFLICT (subject, kind, part) DO UPDATE
SET urgency = excluded.urgency, created_at = excluded.created_at, traceparent = excluded.traceparent, attempts = 0,
    ended = false, lease_until = NULL
WHERE jobs.ended
"""

_HELD = "WHERE subject = $1 AND kind = $2 AND part = $3 AND lease = $4 AND NOT ended"

_RENEW = f"""
UPDATE jobs SET lease_until = clock_timestamp() + make_interval(secs => $5) {_HELD} RETURNING lease
"""  # noqa: S608  # our own condition

_RELEASE = f"""
UPDATE jobs SET lease_until = NULL, attempts = attempts - 1 {_HELD}
"""  # noqa: S608  # our own condition

_EXCUSE = """
UPDATE jobs SET attempts = attempts - 1
WHERE subject = $1 AND kind = $2 AND part = $3 AND lease > $4 AND attempts > 0 AND NOT ended
"""

_END = f"""
UPDATE jobs SET ended = true, ended_at = clock_timestamp(), lease_until = NULL {_HELD} RETURNING lease
"""  # noqa: S608  # our own condition

_HAS_ENDED = """
SELECT EXISTS (SELECT FROM jobs WHERE subject = $1 AND kind = $2 AND part = $3 AND lease = $4 AND ended)
"""

# Without a wait, so that it may be asked for with the subject locked: whoever has one of these jobs locked is about to
# ask for the subject, and finds out there.
_DROP_UNLOCKED = """
DELETE FROM jobs WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM jobs WHERE subject = $1 AND (kind, part) IS DISTINCT FROM ($2::text, $3::integer)
    FOR UPDATE SKIP LOCKED
))
"""


async def enqueue(
    connection: Connection,
    *,
    subject: str,
    kind: Kind,
    owner_id: str,
    urgency: Urgency,
    now: datetime,
    traceparent: str,
    parts: int = 1,
) -> None:
    """Make the jobs 0 to `parts` - 1 wait. One that has ended waits again; one that waits or is done goes on."""
    await connection.execute(_ENQUEUE, subject, kind, parts, owner_id, urgency, now, traceparent)


async def renew_lease(connection: Connection, job: Job) -> bool:
    """Hold the job for LEASE_SECONDS more; False when it is another's now, or was dropped."""
    return await connection.fetchval(_RENEW, *_name(job), LEASE_SECONDS) is not None


async def release_job(connection: Connection, job: Job) -> None:
    """Let another worker take the job at once, and do not count this one's attempt."""
    await connection.execute(_RELEASE, *_name(job))


async def excuse_attempt(connection: Connection, job: Job) -> None:
    """Say that the job did not cost the life of its worker, which another one has taken over from."""
    await connection.execute(_EXCUSE, *_name(job))


async def end_job(connection: Connection, job: Job) -> bool:
    """Say that the job is done; False, and nothing said, when it is another's now, or was dropped."""
    return await connection.fetchval(_END, *_name(job)) is not None


async def has_ended(connection: Connection, job: Job) -> bool:
    """Say whether the job has ended under this very lease."""
    return bool(await connection.fetchval(_HAS_ENDED, *_name(job)))


async def drop_unlocked_jobs(connection: Connection, subject: str, but: Job | None = None) -> None:
    """Delete the jobs for `subject` but one, and but those that another transaction takes or ends at this moment."""
    await connection.execute(_DROP_UNLOCKED, subject, but and but.kind, but and but.part)


def _name(job: Job) -> tuple[str, str, int, int]:
    return job.subject, job.kind, job.part, job.lease
