"""Pages of all accounts, for administrators."""

from collections.abc import Mapping

import msgspec

from services.strategy.core.text import is_storable, normal_email
from services.strategy.store.accounts import COLUMNS
from shared.contracts.messages import ListUsers
from shared.contracts.objects import users_object
from shared.contracts.values import User, UserPage
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import PageQuery

_SORT_KEYS = {"created_at": SortKey("created_at", "timestamptz")}


async def list_users(connection: Connection, asked: ListUsers) -> tuple[UserPage, int]:
    """Return a page of accounts, newest first, and the object version of the whole list. Raises Malformed."""
    query = PageQuery(users_keyset(asked), users_object(), asked.cursor, asked.limit)
    filters = {"is_active": asked.is_active, "role": asked.role}
    scope = {column: value for column, value in filters.items() if value is not None}
    rows = query.walk("users", COLUMNS, scope) if asked.email is None else _with_email(query, asked.email, scope)
    page = await query.fetch(connection, rows)
    return UserPage(items=msgspec.convert(page.rows, list[User]), next_cursor=page.next_cursor), page.version


async def some_administrators(connection: Connection) -> list[str]:
    """Return the ids of two who are administrators and active, or of all if there are fewer."""
    page, _ = await list_users(connection, ListUsers(role="admin", is_active=True, limit=2))
    return [user.id for user in page.items]


def users_keyset(asked: ListUsers) -> Keyset:
    """Return the order of the accounts as asked for; its cursors are no other list's."""
    return Keyset(_SORT_KEYS, "-created_at", [asked.is_active, asked.role, asked.email])


def _with_email(query: PageQuery, email: str, scope: Mapping[str, object]) -> str:
    """Find the one account with an email by the index that keeps emails apart; none for a text that is no email."""
    wanted = normal_email(email) if is_storable(email) else ""
    conditions = [f"lower(email) = lower({query.argument(wanted)})"]
    conditions += [f"{column} = {query.argument(value)}" for column, value in scope.items()]
    return f"SELECT {COLUMNS} FROM users WHERE {' AND '.join(conditions)} AND {query.beyond()}"  # noqa: S608  # our own names and placeholders
