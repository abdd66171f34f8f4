"""The table of accounts."""

from typing import Literal

import msgspec

from shared.contracts.values import User
from shared.runtime.database import Connection

_INSERT_USER = """
INSERT INTO users (id, email, name, role, is_active, password_hash, created_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (lower(email)) DO NOTHING
RETURNING id
"""

_FIND_ACCOUNT = "SELECT id, role, is_active, password_hash FROM users WHERE lower(email) = lower($1)"

_LOCK_ACCOUNT = _FIND_ACCOUNT + " FOR UPDATE"

_UPDATE_ROLE = "UPDATE users SET role = $2, revision = revision + 1 WHERE id = $1"

# Only where it is still the hash that was verified: a password changed meanwhile stays.
_RENEW_PASSWORD_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"  # noqa: S105  # SQL


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a login needs to know of an account."""

    id: str
    role: Literal["user", "admin"]
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


async def update_role(connection: Connection, user_id: str, role: Literal["user", "admin"]) -> None:
    """Give a locked account a role."""
    await connection.execute(_UPDATE_ROLE, user_id, role)
