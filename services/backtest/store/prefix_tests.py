"""The table of prefix tests: one row for each spec of an owner's and version of the engine."""

from datetime import datetime
from typing import Literal

import msgspec

from shared.contracts.ids import new_id
from shared.contracts.values import JsonObject, PrefixEvidence
from shared.runtime.database import Connection

Status = Literal["queued", "held", "violated", "failed"]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One test as it stands."""

    status: Status
    evidence: PrefixEvidence | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a test needs; `spec` is as stored, so that one nobody can read stops no other."""

    spec: object
    engine_version: int


# That the row is there already is found out without a lock on it: many runs of one strategy are created at once.
_QUEUE = """
INSERT INTO prefix_tests AS p (id, owner_id, spec_hash, engine_version, spec, status, created_at)
SELECT $1, $2, $3, $4, $5, 'queued', $6
WHERE NOT EXISTS (
    SELECT FROM prefix_tests WHERE owner_id = $2 AND spec_hash = $3 AND engine_version = $4 AND status <> 'failed'
)
ON CONFLICT (owner_id, spec_hash, engine_version) DO UPDATE
SET spec = excluded.spec, status = 'queued', error = NULL, created_at = excluded.created_at, finished_at = NULL
WHERE p.status = 'failed'
RETURNING id
"""

_READ = """
SELECT status, evidence, error, created_at, finished_at FROM prefix_tests
WHERE owner_id = $1 AND spec_hash = $2 AND engine_version = $3
"""

_READ_TASK = """
SELECT spec, engine_version FROM prefix_tests WHERE id = $1 AND status = 'queued'
"""

_FINISH = """
UPDATE prefix_tests SET spec = NULL, status = $2, evidence = $3, error = $4, finished_at = $5
WHERE id = $1 AND status = 'queued'
"""


async def queue_test(
    connection: Connection, owner_id: str, spec_hash: str, engine_version: int, spec: JsonObject, now: datetime
) -> str | None:
    """Make a test wait and return its id; None when it waits already or has been done. One that failed waits again."""
    queued = await connection.fetchval(_QUEUE, new_id(), owner_id, spec_hash, engine_version, spec, now)
    return None if queued is None else str(queued)


async def read_test(connection: Connection, owner_id: str, spec_hash: str, engine_version: int) -> Stored | None:
    """Return the test of an owner's spec."""
    row = await connection.fetchrow(_READ, owner_id, spec_hash, engine_version)
    return None if row is None else msgspec.convert(dict(row), Stored)


async def read_task(connection: Connection, test_id: str) -> Task | None:
    """Return what a test needs; None when it does not wait."""
    row = await connection.fetchrow(_READ_TASK, test_id)
    return None if row is None else msgspec.convert(dict(row), Task)


async def store_evidence(connection: Connection, test_id: str, evidence: PrefixEvidence, now: datetime) -> None:
    """Store what was found."""
    status: Status = "held" if evidence.failure is None else "violated"
    await connection.execute(_FINISH, test_id, status, evidence, None, now)


async def store_failure(connection: Connection, test_id: str, error: str, now: datetime) -> None:
    """Store why nothing was found."""
    await connection.execute(_FINISH, test_id, "failed", None, error, now)
