"""Sessions whose time was up long ago, of accounts that have not logged in since: each login forgets its own."""

from datetime import datetime

from shared.runtime.database import Connection

# Before the sessions: one that was used for weeks has thousands, too many to go with it in one statement. LIMIT and
# OFFSET inside have each session's tokens found by their index, whatever share of all is expired.
_REMOVE_TOKENS = """
DELETE FROM used_refresh_tokens WHERE hash = ANY (ARRAY(
    SELECT u.hash FROM (SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at) AS s
    CROSS JOIN LATERAL (SELECT hash FROM used_refresh_tokens WHERE session_id = s.id LIMIT $2) AS u
    LIMIT $2
))
"""

_REMOVE_SESSIONS = """
DELETE FROM sessions WHERE id = ANY (ARRAY(
    SELECT id FROM sessions AS s
    WHERE expires_at <= $1 AND NOT EXISTS (SELECT FROM used_refresh_tokens WHERE session_id = s.id OFFSET 0)
    ORDER BY expires_at LIMIT $2
    FOR UPDATE SKIP LOCKED
))
"""


async def remove_tokens_of_expired(connection: Connection, before: datetime, at_once: int) -> int:
    """Forget used refresh tokens of sessions that expired before a moment, `at_once` at most; returns how many."""
    return _count(await connection.execute(_REMOVE_TOKENS, before, at_once))


async def remove_expired(connection: Connection, before: datetime, at_once: int) -> int:
    """Forget sessions that expired before a moment and have no used tokens left; returns how many."""
    return _count(await connection.execute(_REMOVE_SESSIONS, before, at_once))


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
