"""Requests about accounts and their sessions, which the strategy service answers."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.contracts import values
from shared.contracts.request import Cursor, Limit, Request

Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Password = Annotated[str, Meta(min_length=12, max_length=1024)]
# What is compared with an account's own, rather than stored, needs no more than a bound.
AnyEmail = Annotated[str, Meta(max_length=254)]
AnyPassword = Annotated[str, Meta(max_length=1024)]


class RegisterUser(Request[values.User], frozen=True, kw_only=True):
    """Open an account. The email is unique whatever its case."""

    SERVICE = "strategy"
    METHOD = "user.register"
    SECRET = True
    email: Email
    password: Password
    name: values.Name


class LogIn(Request[values.Tokens], frozen=True, kw_only=True):
    """Exchange an email and a password for tokens, and open a session."""

    SERVICE = "strategy"
    METHOD = "session.open"
    SECRET = True
    email: AnyEmail
    password: AnyPassword


class RefreshTokens(Request[values.Tokens], frozen=True, kw_only=True):
    """Exchange a refresh token for new tokens. A refresh token used twice ends its session."""

    SERVICE = "strategy"
    METHOD = "session.refresh"
    SECRET = True
    refresh_token: Annotated[str, Meta(max_length=512)]


class LogOut(Request[None], frozen=True, kw_only=True):
    """End the caller's session. One that has ended already stays so."""

    SERVICE = "strategy"
    METHOD = "session.close"


class ChangePassword(Request[None], frozen=True, kw_only=True):
    """Give the caller's account another password, and end every session but the caller's."""

    SERVICE = "strategy"
    METHOD = "user.change_password"
    SECRET = True
    current_password: AnyPassword
    new_password: Password


class ReadUser(Request[values.User], frozen=True, kw_only=True):
    """Read the caller's account."""

    SERVICE = "strategy"
    METHOD = "user.read"


class PatchUser(Request[values.User], frozen=True, kw_only=True):
    """Change what is set of the caller's account. `if_revision` refuses a stale change."""

    SERVICE = "strategy"
    METHOD = "user.patch"
    name: values.Name | UnsetType = UNSET
    if_revision: tuple[int, ...] | None = None


class ListUsers(Request[values.UserPage], frozen=True, kw_only=True):
    """For administrators: page through the accounts, newest first. An email names one, whatever its case."""

    SERVICE = "strategy"
    METHOD = "user.list"
    limit: Limit = 50
    cursor: Cursor | None = None
    role: values.Role | None = None
    is_active: bool | None = None
    email: AnyEmail | None = None


class AdministerUser(Request[values.User], frozen=True, kw_only=True):
    """For administrators: change what is set of an account. One that is closed loses its sessions."""

    SERVICE = "strategy"
    METHOD = "user.administer"
    id: str
    role: values.Role | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    if_revision: tuple[int, ...] | None = None


ACCOUNT_REQUESTS: tuple[type[Request[object]], ...] = (
    RegisterUser,
    LogIn,
    RefreshTokens,
    LogOut,
    ChangePassword,
    ReadUser,
    PatchUser,
    ListUsers,
    AdministerUser,
)
