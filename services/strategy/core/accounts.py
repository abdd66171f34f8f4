"""What a change makes of an account, and who may make it."""

from collections.abc import Collection

import msgspec
from msgspec import UNSET, UnsetType

from services.strategy.core.text import required_text
from shared.contracts.errors import Conflict
from shared.contracts.values import Role, User

_FIELDS = ("name", "role", "is_active")


def changed_account(
    current: User,
    *,
    name: str | UnsetType = UNSET,
    role: Role | UnsetType = UNSET,
    is_active: bool | UnsetType = UNSET,
) -> User:
    """Return the account with what is set, one revision on; `current` itself when nothing is different.

    Raises Invalid for a name that cannot be taken.
    """
    after = msgspec.structs.replace(
        current,
        name=current.name if name is UNSET else required_text("/name", name),
        role=current.role if role is UNSET else role,
        is_active=current.is_active if is_active is UNSET else is_active,
    )
    return current if after == current else msgspec.structs.replace(after, revision=current.revision + 1)


def changed_fields(before: User, after: User) -> list[str]:
    """Return the names of the fields that differ, without the revision, which every change moves."""
    return [field for field in _FIELDS if getattr(before, field) != getattr(after, field)]


def leaves_an_administrator(after: User, administrators: Collection[str]) -> None:
    """Pass when somebody can still administer once an account is `after`. Raises Conflict.

    `administrators` are two of those who can now, or all if there are fewer.
    """
    can = after.is_active and after.role == "admin"
    if not can and set(administrators) <= {after.id}:
        raise Conflict("This is the last active administrator; make another one first")
