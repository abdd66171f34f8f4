"""All SQL of the strategy service: accounts, sessions, strategies. A statement that locks says so in its name."""

from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from services.strategy.core.refresh_tokens import LIFETIME, Session
from shared.contracts.errors import Unauthenticated
from shared.contracts.messages import ListStrategies
from shared.contracts.objects import strategies_object, strategy_object
from shared.contracts.values import Principal, Strategy, StrategyPage, User
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey

MAX_VERSION = 2**31 - 1
"""The highest version or revision its column holds."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a login needs to know of an account."""

    id: str
    role: Literal["user", "admin"]
    is_active: bool
    password_hash: str


# --- accounts ----------------------------------------

_INSERT_USER = """
INSERT INTO users (id, email, name, role, is_active, password_hash, created_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (lower(email)) DO NOTHING
RETURNING id
"""

_FIND_ACCOUNT = "SELECT id, role, is_active, password_hash FROM users WHERE lower(email) = lower($1)"

# Only where it is still the hash that was verified: a password changed meanwhile stays.
_RENEW_PASSWORD_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"  # noqa: S105  # SQL


async def insert_user(connection: Connection, user: User, password_hash: str) -> bool:
    """Store an account; False when its email is taken."""
    inserted = await connection.fetchval(
        _INSERT_USER,
        user.id,
        user.email,
        user.name,
        user.role,
        user.is_active,
        password_hash,
        user.created_at,
        user.revision,
    )
    return inserted is not None


async def find_account(connection: Connection, email: str) -> Account | None:
    """Return the account with this email, whatever its case."""
    row = await connection.fetchrow(_FIND_ACCOUNT, email)
    return None if row is None else msgspec.convert(dict(row), Account)


async def renew_password_hash(connection: Connection, user_id: str, old: str, new: str) -> None:
    """Replace a password's hash by another hash of the same password."""
    await connection.execute(_RENEW_PASSWORD_HASH, user_id, old, new)


# --- sessions ----------------------------------------

_INSERT_SESSION = """
INSERT INTO sessions (id, user_id, refresh_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
"""

_DELETE_EXPIRED_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2"

_LOCK_SESSION = """
SELECT s.id, s.user_id, s.refresh_hash, s.expires_at, s.revoked_at, u.role, u.is_active
FROM sessions AS s JOIN users AS u ON u.id = s.user_id
WHERE s.id = $1
FOR UPDATE OF s
"""

_WAS_USED = "SELECT EXISTS (SELECT FROM used_refresh_tokens WHERE hash = $1 AND session_id = $2)"

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


async def insert_session(connection: Connection, principal: Principal, refresh_hash: bytes, now: datetime) -> None:
    """Open the session that `principal` names, and forget the account's expired ones."""
    await connection.execute(_DELETE_EXPIRED_SESSIONS, principal.user_id, now)
    session_id, user_id = principal.session_id, principal.user_id
    await connection.execute(_INSERT_SESSION, session_id, user_id, refresh_hash, now, now + LIFETIME)


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


# --- strategies ----------------------------------------

_COLUMNS = "id, name, description, spec, spec_hash, version, revision, status, owner_id, created_at, updated_at"

_SORT_KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "updated_at": SortKey("updated_at", "timestamptz"),
    "name": SortKey("name", "text"),
}

_READ = """
SELECT s.*, coalesce(o.version, 0) AS object_version
FROM strategies AS s LEFT JOIN object_version AS o ON o.object = $3
WHERE s.id = $1 AND s.owner_id = $2
"""

_READ_VERSION = """
SELECT s.id, s.name, s.description, v.spec, v.spec_hash, v.version, s.revision, s.status, s.owner_id, s.created_at,
       s.updated_at, coalesce(o.version, 0) AS object_version
FROM strategies AS s
JOIN strategy_versions AS v ON v.strategy_id = s.id AND v.version = $4
LEFT JOIN object_version AS o ON o.object = $3
WHERE s.id = $1 AND s.owner_id = $2
"""

_LOCK = f"SELECT {_COLUMNS} FROM strategies WHERE id = $1 AND owner_id = $2 FOR UPDATE"  # noqa: S608  # our columns

_INSERT = f"""
INSERT INTO strategies ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""  # noqa: S608  # our own columns

_INSERT_VERSION = """
INSERT INTO strategy_versions (strategy_id, version, spec, spec_hash, created_at) VALUES ($1, $2, $3, $4, $5)
"""

_UPDATE = """
UPDATE strategies
SET name = $2, description = $3, spec = $4, spec_hash = $5, version = $6, revision = $7, updated_at = $8
WHERE id = $1
"""

_DELETE = "DELETE FROM strategies WHERE id = $1"


async def read_strategy(
    connection: Connection, strategy_id: str, owner_id: str, version: int | None = None
) -> tuple[Strategy, int] | None:
    """Return an owner's strategy, with the spec of `version` if one is named, and its object version."""
    arguments: list[object] = [strategy_id, owner_id, strategy_object(strategy_id)]
    if version is None:
        row = await connection.fetchrow(_READ, *arguments)
    else:
        row = await connection.fetchrow(_READ_VERSION, *arguments, version)
    return None if row is None else (_strategy(row), row["object_version"])


async def list_strategies(connection: Connection, owner_id: str, asked: ListStrategies) -> tuple[StrategyPage, int]:
    """Return a page of an owner's strategies and the object version of the whole list. Raises Malformed."""
    keyset = Keyset(_SORT_KEYS, asked.sort, [owner_id, asked.status, asked.q])
    query, arguments = _page_query(keyset, owner_id, asked)
    rows = await connection.fetch(query, *arguments)
    found = [dict(row) for row in rows if row["id"] is not None]
    items = msgspec.convert(found[: asked.limit], list[Strategy])
    page = StrategyPage(items=items, next_cursor=keyset.next_cursor(found, asked.limit))
    return page, rows[0]["object_version"]


def _page_query(keyset: Keyset, owner_id: str, asked: ListStrategies) -> tuple[str, list[object]]:
    """Return one statement for the list's version and its rows (an empty list has a version too), and its arguments."""
    arguments: list[object] = [strategies_object(owner_id), owner_id]
    conditions = ["owner_id = $2", keyset.after(asked.cursor, arguments)]
    if asked.status is not None:
        arguments.append(asked.status)
        conditions.append(f"status = ${len(arguments)}")
    if asked.q is not None:
        arguments.append(asked.q)
        conditions.append(f"strpos(lower(name), lower(${len(arguments)})) > 0")
    arguments.append(asked.limit + 1)
    query = f"""
    SELECT coalesce(o.version, 0) AS object_version, page.*
    FROM (SELECT $1::text AS object) AS asked
    LEFT JOIN object_version AS o USING (object)
    LEFT JOIN LATERAL (
        SELECT {_COLUMNS} FROM strategies
        WHERE {" AND ".join(conditions)}
        ORDER BY {keyset.order_by} LIMIT ${len(arguments)}
    ) AS page ON TRUE
    ORDER BY {keyset.order_by}
    """  # noqa: S608  # made of our own columns and placeholders
    return query, arguments


async def lock_strategy(connection: Connection, strategy_id: str, owner_id: str) -> Strategy | None:
    """Return an owner's strategy, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK, strategy_id, owner_id)
    return None if row is None else _strategy(row)


async def insert_strategy(connection: Connection, strategy: Strategy) -> None:
    """Store a strategy with the first version of its spec. Raises Unauthenticated when its owner has no account."""
    values = [getattr(strategy, name) for name in _COLUMNS.split(", ")]
    try:
        await connection.execute(_INSERT, *values)
    except asyncpg.ForeignKeyViolationError as error:
        raise Unauthenticated("This account does not exist any more; register again") from error
    await _insert_version(connection, strategy)


async def update_strategy(connection: Connection, strategy: Strategy, *, new_version: bool) -> None:
    """Store a changed strategy, locked before, and its spec as a new version if it is one."""
    await connection.execute(
        _UPDATE,
        strategy.id,
        strategy.name,
        strategy.description,
        strategy.spec,
        strategy.spec_hash,
        strategy.version,
        strategy.revision,
        strategy.updated_at,
    )
    if new_version:
        await _insert_version(connection, strategy)


async def delete_strategy(connection: Connection, strategy_id: str) -> None:
    """Delete a strategy, locked before, with all its versions."""
    await connection.execute(_DELETE, strategy_id)


async def _insert_version(connection: Connection, strategy: Strategy) -> None:
    await connection.execute(
        _INSERT_VERSION, strategy.id, strategy.version, strategy.spec, strategy.spec_hash, strategy.updated_at
    )


def _strategy(row: asyncpg.Record) -> Strategy:
    return msgspec.convert(dict(row), Strategy)
