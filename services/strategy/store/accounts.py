"""The table of accounts."""

import asyncpg
import msgspec

from shared.contracts.objects import user_object
from shared.contracts.values import Role, User
from shared.runtime.database import Connection

COLUMNS = "id, email, name, role, is_active, created_at, revision"

_INSERT_USER = """
INSERT INTO users (id, email, name, role, is_active, password_hash, created_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (lower(email)) DO NOTHING
RETURNING id
"""

_FIND_ACCOUNT = "SELECT id, role, is_active, password_hash FROM users WHERE lower(email) = lower($1)"

_LOCK_ACCOUNT = _FIND_ACCOUNT + " FOR UPDATE"

_UPDATE_ROLE = "UPDATE users SET role = $2, revision = revision + 1 WHERE id = $1"

_READ_CREDENTIALS = "SELECT id, role, is_active, password_hash FROM users WHERE id = $1"

_LOCK_CREDENTIALS = _READ_CREDENTIALS + " FOR NO KEY UPDATE"

_READ_USER = f"""
SELECT {COLUMNS}, coalesce(o.version, 0) AS object_version
FROM users LEFT JOIN object_version AS o ON o.object = $2
WHERE id = $1
"""  # noqa: S608  # our own columns

_LOCK_USER = f"SELECT {COLUMNS} FROM users WHERE id = $1 FOR NO KEY UPDATE"  # noqa: S608  # our own columns

# Whoever changes who may administer does it alone, until COMMIT: two could otherwise each leave it to the other.
_LOCK_ADMINISTRATION = "SELECT pg_advisory_xact_lock(hashtextextended('administrators', 0))"

_IS_ADMINISTRATOR = "SELECT is_active AND role = 'admin' FROM users WHERE id = $1"

_UPDATE_USER = "UPDATE users SET name = $2, role = $3, is_active = $4, revision = $5 WHERE id = $1"

_UPDATE_PASSWORD_HASH = "UPDATE users SET password_hash = $2, revision = revision + 1 WHERE id = $1"  # noqa: S105  # SQL

# Only where it is still the hash that was verified: a password changed meanwhile stays.
_RENEW_PASSWORD_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"  # noqa: S105  # SQL


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a login needs to know of an account."""

    id: str
    role: Role
    is_active: bool
    password_hash: str


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


async def lock_account(connection: Connection, email: str) -> Account | None:
    """Return the account with this email, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK_ACCOUNT, email)
    return None if row is None else msgspec.convert(dict(row), Account)


async def update_role(connection: Connection, user_id: str, role: Role) -> None:
    """Give a locked account a role."""
    await connection.execute(_UPDATE_ROLE, user_id, role)


async def read_credentials(connection: Connection, user_id: str) -> Account | None:
    """Return an account by its id."""
    row = await connection.fetchrow(_READ_CREDENTIALS, user_id)
    return None if row is None else msgspec.convert(dict(row), Account)


async def lock_credentials(connection: Connection, user_id: str) -> Account | None:
    """Return an account by its id, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK_CREDENTIALS, user_id)
    return None if row is None else msgspec.convert(dict(row), Account)


async def update_password_hash(connection: Connection, user_id: str, password_hash: str) -> None:
    """Give a locked account another password."""
    await connection.execute(_UPDATE_PASSWORD_HASH, user_id, password_hash)


async def read_user(connection: Connection, user_id: str) -> tuple[User, int] | None:
    """Return an account as it is shown, and its object version."""
    row = await connection.fetchrow(_READ_USER, user_id, user_object(user_id))
    return None if row is None else (_user(row), row["object_version"])


async def lock_user(connection: Connection, user_id: str) -> User | None:
    """Return an account as it is shown, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK_USER, user_id)
    return None if row is None else _user(row)


async def lock_administration(connection: Connection) -> None:
    """Be the only one who changes roles and closes accounts until the transaction ends."""
    await connection.execute(_LOCK_ADMINISTRATION)


async def is_administrator(connection: Connection, user_id: str) -> bool:
    """Say whether an account is an administrator's, and active."""
    return bool(await connection.fetchval(_IS_ADMINISTRATOR, user_id))


async def update_user(connection: Connection, user: User) -> None:
    """Store a changed account, locked before."""
    await connection.execute(_UPDATE_USER, user.id, user.name, user.role, user.is_active, user.revision)


def _user(row: asyncpg.Record) -> User:
    return msgspec.convert(dict(row), User)
