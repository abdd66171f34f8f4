"""The table of login sessions, and the refresh tokens that each has taken."""

from datetime import datetime

import msgspec

from services.strategy.core.refresh_tokens import LIFETIME, Session
from shared.contracts.values import Principal
from shared.runtime.database import Connection

_INSERT_SESSION = """
INSERT INTO sessions (id, user_id, refresh_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
"""

_DELETE_EXPIRED_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2"

MAX_SESSIONS = 200
"""How many an account keeps, those that were used last: each is an event when it changes its password."""

# Some at a time: of an account with many more, each login ends a few. A walk along the index, as `page_query` has them.
_DELETE_SURPLUS = f"""
DELETE FROM sessions WHERE id IN (
    SELECT id FROM (
        SELECT id, user_id FROM sessions WHERE (user_id, expires_at) <= ($1, 'infinity')
        ORDER BY user_id DESC, expires_at DESC OFFSET {MAX_SESSIONS} LIMIT 10
    ) AS walk
    WHERE user_id = $1
)
RETURNING id, revoked_at IS NULL AS was_open
"""  # noqa: S608  # a number of our own

_LOCK_SESSION = """
SELECT s.id, s.user_id, s.refresh_hash, s.expires_at, s.revoked_at, u.role, u.is_active
FROM sessions AS s JOIN users AS u ON u.id = s.user_id
WHERE s.id = $1
FOR UPDATE OF s
"""

# By the hash alone: those of a session can be thousands.
_WAS_USED = "SELECT session_id = $2 FROM used_refresh_tokens WHERE hash = $1"

_ROTATE = """
WITH used AS (
    INSERT INTO used_refresh_tokens (hash, session_id, used_at)
    SELECT refresh_hash, id, $4 FROM sessions WHERE id = $1
), forgotten AS (
    DELETE FROM used_refresh_tokens WHERE session_id = $1 AND used_at <= $5
)
UPDATE sessions SET refresh_hash = $2, expires_at = $3 WHERE id = $1
"""

_REVOKE = "UPDATE sessions SET revoked_at = $2 WHERE id = $1"

_REVOKE_OTHERS = """
UPDATE sessions SET revoked_at = $3
WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND revoked_at IS NULL AND expires_at > $3
RETURNING id
"""


async def insert_session(connection: Connection, principal: Principal, refresh_hash: bytes, now: datetime) -> None:
    """Open the session that `principal` names, and forget the account's expired ones."""
    await connection.execute(_DELETE_EXPIRED_SESSIONS, principal.user_id, now)
    session_id, user_id = principal.session_id, principal.user_id
    await connection.execute(_INSERT_SESSION, session_id, user_id, refresh_hash, now, now + LIFETIME)


async def delete_surplus_sessions(connection: Connection, user_id: str) -> list[str]:
    """Forget sessions of a locked account beyond MAX_SESSIONS; returns those that had not ended, in order."""
    rows = await connection.fetch(_DELETE_SURPLUS, user_id)
    return sorted(row["id"] for row in rows if row["was_open"])


async def lock_session(connection: Connection, session_id: str) -> Session | None:
    """Return a session with its account, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK_SESSION, session_id)
    return None if row is None else msgspec.convert(dict(row), Session)


async def was_used(connection: Connection, session_id: str, presented: bytes) -> bool:
    """Say whether the session has taken a refresh token with this hash before."""
    return bool(await connection.fetchval(_WAS_USED, presented, session_id))


async def rotate_session(connection: Connection, session_id: str, refresh_hash: bytes, now: datetime) -> None:
    """Make `refresh_hash` the one the session takes next; remember the one before, forget those past their life."""
    await connection.execute(_ROTATE, session_id, refresh_hash, now + LIFETIME, now, now - LIFETIME)


async def revoke_session(connection: Connection, session_id: str, now: datetime) -> None:
    """End a session for good."""
    await connection.execute(_REVOKE, session_id, now)


async def revoke_other_sessions(
    connection: Connection, user_id: str, kept_session: str | None, now: datetime
) -> list[str]:
    """End the sessions of an account, locked before, but for one that is kept, if any; returns which, in order."""
    return sorted(row["id"] for row in await connection.fetch(_REVOKE_OTHERS, user_id, kept_session, now))
