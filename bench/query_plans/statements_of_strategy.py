"""What the strategy service does besides listing: accounts, sessions, single strategies."""

from datetime import UTC, datetime

from bench.query_plans.population import BIGGEST, NOBODY, SESSION
from bench.query_plans.query import VERSION, Query, Trial, Use
from services.strategy.store.account_lists import list_users
from services.strategy.store.accounts import (
    find_account,
    is_administrator,
    lock_credentials,
    lock_user,
    read_credentials,
    read_user,
    renew_password_hash,
    update_password_hash,
    update_user,
)
from services.strategy.store.lists import list_strategies
from services.strategy.store.sessions import (
    MAX_SESSIONS,
    delete_surplus_sessions,
    insert_session,
    lock_session,
    revoke_other_sessions,
    revoke_session,
    rotate_session,
    was_used,
)
from services.strategy.store.strategies import delete_strategy, lock_strategy, read_strategy, update_strategy
from services.strategy.store.versions import read_version
from shared.contracts.ids import new_id
from shared.contracts.messages import ListStrategies, ListUsers
from shared.contracts.values import Principal, User
from shared.runtime.database import Connection

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_TOKEN = bytes(32)
_ONE = ListUsers(email="owner7@example.com")
_USER = User(id=BIGGEST, email="", name="Renamed", role="user", is_active=True, created_at=_NOW, revision=2)
_ID, _SPEC = "strategies_pkey", "strategy_versions_pkey"


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each of them."""
    page, _ = await list_strategies(connection, BIGGEST, ListStrategies(limit=1))
    strategy = page.items[0]
    opened = Principal(user_id=BIGGEST, session_id=new_id())
    return [
        _query("an account by its email", {"users_by_email"}, 1, lambda c: find_account(c, "owner7@EXAMPLE.com")),
        _query("an account by its email, listed", {"users_by_email", VERSION}, 2, lambda c: list_users(c, _ONE)),
        _query("an account", {"users_pkey", VERSION}, 2, lambda c: read_user(c, BIGGEST)),
        _query("an account, locked", {"users_pkey"}, 1, lambda c: lock_user(c, BIGGEST)),
        _query("an account's password", {"users_pkey"}, 1, lambda c: read_credentials(c, BIGGEST)),
        _query("an account's password, locked", {"users_pkey"}, 1, lambda c: lock_credentials(c, BIGGEST)),
        _query("whether somebody is an administrator", {"users_pkey"}, 1, lambda c: is_administrator(c, BIGGEST)),
        _query("a session, locked", {"sessions_pkey", "users_pkey"}, 2, lambda c: lock_session(c, SESSION)),
        _query("a refresh token used before", {"used_refresh_tokens_pkey"}, 1, lambda c: was_used(c, SESSION, _TOKEN)),
        _query("a strategy", {_ID, VERSION}, 2, lambda c: read_strategy(c, strategy.id, BIGGEST)),
        _query("a strategy, locked", {_ID}, 1, lambda c: lock_strategy(c, strategy.id, BIGGEST)),
        _query("a spec by its version", {_ID, _SPEC, VERSION}, 3, lambda c: read_strategy(c, strategy.id, BIGGEST, 1)),
        _query("a version", {_ID, _SPEC, VERSION}, 3, lambda c: read_version(c, strategy.id, BIGGEST, 1)),
        _write("an account changed", {"users_pkey"}, lambda c: update_user(c, _USER)),
        _write("another password", {"users_pkey"}, lambda c: update_password_hash(c, BIGGEST, "h" * 97)),
        _write("a password hashed anew", {"users_pkey"}, lambda c: renew_password_hash(c, BIGGEST, "h" * 97, "")),
        # Expired sessions, or tokens, of the same account, or session, are deleted with it: none, here.
        _write(
            "a session opened",
            {"sessions_by_user", "sessions_by_expiry"},
            lambda c: insert_session(c, opened, _TOKEN, _NOW),
        ),
        Query(
            "sessions of an account that has too many ended",
            "strategy",
            frozenset({"sessions_by_user", "sessions_pkey"}),
            [Trial(lambda c: delete_surplus_sessions(c, BIGGEST), rows=MAX_SESSIONS + 30, writes=10)],
        ),
        _write(
            "a refresh token exchanged",
            {"sessions_pkey", "used_refresh_tokens_by_session"},
            lambda c: rotate_session(c, SESSION, _TOKEN, _NOW),
        ),
        _write("a session ended", {"sessions_pkey"}, lambda c: revoke_session(c, SESSION, _NOW)),
        _write(
            "the other sessions of an account ended",
            {"sessions_by_user"},
            lambda c: revoke_other_sessions(c, NOBODY, SESSION, _NOW),
        ),
        _write("a strategy changed", {_ID}, lambda c: update_strategy(c, strategy, new_version=False)),
        _write("a strategy deleted", {_ID}, lambda c: delete_strategy(c, strategy.id)),
    ]


def _query(name: str, indexes: set[str], rows: int, run: Use) -> Query:
    return Query(name, "strategy", frozenset(indexes), [Trial(run, rows)])


def _write(name: str, indexes: set[str], run: Use) -> Query:
    return Query(name, "strategy", frozenset(indexes), [Trial(run, rows=2, writes=2)])
