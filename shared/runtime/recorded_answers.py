"""The table of answers to requests that write, by request id or by the digest of an Idempotency-Key with its scope."""

from collections.abc import Mapping

import msgspec

from shared.runtime.database import Connection
from shared.runtime.repeats import KEY_SECONDS, REQUEST_SECONDS, SPARE_SECONDS, Recorded

_FIND = "SELECT request_id, fingerprint, body, versions FROM request_answer WHERE key = $1"

# Waits for whoever is recording an answer under the key, and leaves it. What nobody has answered within its time is
# taken over: its first holder finds that out when it records.
_HOLD = """
INSERT INTO request_answer AS a (key, request_id, fingerprint, held_until, expires_at)
VALUES ($1, $2, $3, now() + $4 * interval '1 s', now() + $5 * interval '1 s')
ON CONFLICT (key) DO UPDATE
SET request_id = excluded.request_id, fingerprint = excluded.fingerprint, held_until = excluded.held_until,
    expires_at = excluded.expires_at, body = NULL, versions = NULL
WHERE a.expires_at <= now() OR (a.body IS NULL AND (a.held_until <= now() OR a.request_id = excluded.request_id))
"""

_ANSWER_HELD = """
UPDATE request_answer SET body = $3, versions = $4 WHERE key = $1 AND request_id = $2 AND body IS NULL
"""

# Of two that do the same request at a time, the second waits here for the first.
_ANSWER = """
INSERT INTO request_answer (key, request_id, body, versions, expires_at)
VALUES ($1, $1, $2, $3, now() + $4 * interval '1 s')
ON CONFLICT (key) DO NOTHING
"""

_RELEASE = "DELETE FROM request_answer WHERE key = $1 AND request_id = $2 AND body IS NULL"

_FORGET = """
DELETE FROM request_answer WHERE key = ANY (ARRAY(
    SELECT key FROM request_answer WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
))
"""


async def find(connection: Connection, key: str) -> Recorded | None:
    """Return what is recorded under a key."""
    row = await connection.fetchrow(_FIND, key)
    return None if row is None else msgspec.convert(dict(row), Recorded)


async def hold(connection: Connection, key: str, request_id: str, fingerprint: bytes, seconds: float) -> bool:
    """Reserve a key for a request's answer for so many seconds; False when it is answered or another's."""
    kept = KEY_SECONDS + SPARE_SECONDS
    return _one(await connection.execute(_HOLD, key, request_id, fingerprint, seconds, kept))


async def answer_held(
    connection: Connection, key: str, request_id: str, body: bytes, versions: Mapping[str, int]
) -> bool:
    """Record the answer under a key that the request holds; False when it holds it no longer, or has answered."""
    return _one(await connection.execute(_ANSWER_HELD, key, request_id, body, versions))


async def answer(connection: Connection, request_id: str, body: bytes, versions: Mapping[str, int]) -> bool:
    """Record the answer of a request under its id; False when there is one."""
    kept = REQUEST_SECONDS + SPARE_SECONDS
    return _one(await connection.execute(_ANSWER, request_id, body, versions, kept))


async def release(connection: Connection, key: str, request_id: str) -> bool:
    """Give a key up that a request holds without an answer; False when it does not hold it, or has answered."""
    return _one(await connection.execute(_RELEASE, key, request_id))


async def forget(connection: Connection, at_once: int) -> int:
    """Remove some of what is old, `at_once` at most; returns how many."""
    return _count(await connection.execute(_FORGET, at_once))


def _one(tag: str) -> bool:
    return _count(tag) == 1


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
