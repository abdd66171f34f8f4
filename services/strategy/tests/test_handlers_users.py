"""Accounts as they are shown and changed, on a real database."""

import asyncio
from typing import Any

import msgspec
import pytest

from services.strategy.handlers import AccountHandlers
from services.strategy.tests.account_steps import (
    NOBODY,
    caller,
    claims_of,
    events,
    log_in,
    refresh,
    register,
    rows,
)
from services.strategy.tests.conftest import call_of
from services.strategy.user_handlers import UserHandlers
from shared.contracts.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
)
from shared.contracts.ids import new_id
from shared.contracts.messages import AdministerUser, ListUsers, PatchUser, ReadUser
from shared.contracts.objects import session_object, user_object, users_object
from shared.contracts.values import Principal, User, UserPage
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


@pytest.fixture
def users(database: Database, clock: FakeClock) -> UserHandlers:
    """The handlers of accounts as they are shown."""
    return UserHandlers(database, clock)


@pytest.fixture
async def admin(accounts: AccountHandlers, database: Database) -> Call:
    """A request of an administrator's."""
    return await _administrator(accounts, database, "admin@example.com")


async def _administrator(accounts: AccountHandlers, database: Database, email: str) -> Call:
    await register(accounts, email)
    async with database.transaction() as connection:
        await connection.execute("UPDATE users SET role = 'admin' WHERE email = $1", email)
    return caller(await log_in(accounts, email))


def _user(answer: Answer) -> User:
    assert isinstance(answer.value, User)
    return answer.value


def _page(answer: Answer) -> UserPage:
    assert isinstance(answer.value, UserPage)
    return answer.value


async def test_an_account_is_read_as_it_was_opened(accounts: AccountHandlers, users: UserHandlers) -> None:
    """At the version that its registration answered."""
    user = await register(accounts)
    answer = await users.read(ReadUser(), call_of(Principal(user_id=user.id)))
    assert (answer.value, answer.versions) == (user, {user_object(user.id): 1})


async def test_a_name_is_changed(accounts: AccountHandlers, users: UserHandlers, database: Database) -> None:
    """One revision on, announced once; the list of all accounts is raised with it."""
    user = await register(accounts)
    call = call_of(Principal(user_id=user.id))
    answer = await users.patch(PatchUser(name=" Anna ", if_revision=(1,)), call)
    assert answer.value == msgspec.structs.replace(user, name="Anna", revision=2)
    assert answer.versions == {user_object(user.id): 2, users_object(): 2}
    assert (await users.read(ReadUser(), call)).value == answer.value
    assert (await events(database))[1:] == [("aurelius.user.updated.v1", user_object(user.id))]


@pytest.mark.parametrize("message", [PatchUser(), PatchUser(name="Ana"), PatchUser(name=" Ana ", if_revision=(1, 7))])
async def test_what_changes_nothing_announces_nothing(
    accounts: AccountHandlers, users: UserHandlers, database: Database, message: PatchUser
) -> None:
    """The answer is the account, at the version that it has."""
    user = await register(accounts)
    answer = await users.patch(message, call_of(Principal(user_id=user.id)))
    assert (answer.value, answer.versions) == (user, {user_object(user.id): 1})
    assert len(await events(database)) == 1


async def test_a_stale_or_unfit_change_is_refused(
    accounts: AccountHandlers, users: UserHandlers, database: Database
) -> None:
    """And leaves no trace."""
    user = await register(accounts)
    call = call_of(Principal(user_id=user.id))
    with pytest.raises(PreconditionFailed, match="revision 1"):
        await users.patch(PatchUser(name="Anna", if_revision=(2,)), call)
    with pytest.raises(Invalid):
        await users.patch(PatchUser(name=" \n"), call)
    assert (await users.read(ReadUser(), call)).value == user
    assert len(await events(database)) == 1


async def test_an_account_that_is_closed_or_gone_is_neither_shown_nor_changed(
    accounts: AccountHandlers, users: UserHandlers, admin: Call
) -> None:
    """An access token of before says who asks, not that there is still an account; closed says who can open it."""
    user = await register(accounts)
    await users.administer(AdministerUser(id=user.id, is_active=False), admin)
    for principal, why in ((Principal(user_id=user.id), "closed"), (Principal(user_id=new_id()), "not exist")):
        with pytest.raises(Unauthenticated, match=why):
            await users.read(ReadUser(), call_of(principal))
        with pytest.raises(Unauthenticated, match=why):
            await users.patch(PatchUser(name="n"), call_of(principal))
    for call in (call_of(Principal(user_id="x")), NOBODY):
        with pytest.raises(Unauthenticated):
            await users.read(ReadUser(), call)


async def test_an_administrator_gives_a_role(
    accounts: AccountHandlers, users: UserHandlers, database: Database, admin: Call
) -> None:
    """It holds from the next refresh on, and can be taken back; each is announced."""
    user = await register(accounts)
    tokens = await log_in(accounts)
    answer = await users.administer(AdministerUser(id=user.id, role="admin", if_revision=(1,)), admin)
    assert answer.value == msgspec.structs.replace(user, role="admin", revision=2)
    assert answer.versions == {user_object(user.id): 2, users_object(): 3}
    assert claims_of((await refresh(accounts, tokens.refresh_token)).access_token)["role"] == "admin"
    assert _user(await users.administer(AdministerUser(id=user.id, role="user"), admin)).role == "user"
    assert [kind for kind, _ in await events(database)].count("aurelius.user.updated.v1") == 2


async def test_closing_an_account_ends_its_sessions(
    accounts: AccountHandlers, users: UserHandlers, database: Database, admin: Call
) -> None:
    """At once and for good: opened again, it is logged in to anew. Others' sessions go on."""
    user = await register(accounts)
    tokens = [await log_in(accounts) for _ in range(2)]
    answer = await users.administer(AdministerUser(id=user.id, is_active=False), admin)
    ended = sorted(session_object(str(claims_of(each.access_token)["sid"])) for each in tokens)
    assert answer.versions == {user_object(user.id): 2, users_object(): 3, **dict.fromkeys(ended, 1)}
    assert [subject for kind, subject in await events(database) if "session" in kind] == ended
    again = await users.administer(AdministerUser(id=user.id, is_active=True), admin)
    assert (_user(again).is_active, _user(again).revision) == (True, 3)
    for each in tokens:
        with pytest.raises(Unauthenticated):
            await refresh(accounts, each.refresh_token)
    assert await log_in(accounts)
    assert await refresh(accounts, (await log_in(accounts, "admin@example.com")).refresh_token)


async def test_the_last_active_administrator_stays(
    accounts: AccountHandlers, users: UserHandlers, database: Database, admin: Call
) -> None:
    """Neither by himself nor by way of another who is one no more; with a second one, either may go."""
    own = admin.user.user_id
    for change in ({"role": "user"}, {"is_active": False}, {"role": "user", "is_active": False}):
        with pytest.raises(Conflict, match="last active administrator"):
            await users.administer(msgspec.convert({"id": own, **change}, AdministerUser), admin)
    assert _user(await users.administer(AdministerUser(id=own, role="admin"), admin)).revision == 1
    second = await _administrator(accounts, database, "second@example.com")
    assert _user(await users.administer(AdministerUser(id=own, role="user"), second)).role == "user"
    with pytest.raises(Forbidden):
        await users.administer(AdministerUser(id=own, role="admin"), admin)
    with pytest.raises(Conflict):
        await users.administer(AdministerUser(id=second.user.user_id, is_active=False), second)


async def test_administrators_who_demote_each_other_leave_one(
    accounts: AccountHandlers, users: UserHandlers, database: Database
) -> None:
    """However close they come: one is second, and is an administrator no more."""
    calls = [await _administrator(accounts, database, f"admin{number}@example.com") for number in range(4)]
    ids = [call.user.user_id for call in calls]
    outcomes = await asyncio.gather(
        *(
            users.administer(AdministerUser(id=target, role="user"), call)
            for call, target in zip(calls, ids[1:] + ids[:1], strict=True)
        ),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes} <= {Answer, Forbidden, Conflict}
    left = [row for row in await rows(database, "users") if row["role"] == "admin" and row["is_active"]]
    assert len(left) >= 1
    assert len(left) + sum(isinstance(outcome, Answer) for outcome in outcomes) == 4


async def test_only_administrators_of_now_administer(
    accounts: AccountHandlers, users: UserHandlers, database: Database
) -> None:
    """The role in a token is that of its making: one who lost it, or was closed, reads and changes nobody."""
    await _administrator(accounts, database, "first@example.com")
    target = await register(accounts)
    for number, change in enumerate(("role = 'user'", "is_active = false")):
        call = await _administrator(accounts, database, f"was{number}@example.com")
        assert call.user.role == "admin"
        async with database.transaction() as connection:
            await connection.execute(f"UPDATE users SET {change} WHERE id = $1", call.user.user_id)
        with pytest.raises(Forbidden):
            await users.administer(AdministerUser(id=target.id, role="admin"), call)
        with pytest.raises(Forbidden):
            await users.list_all(ListUsers(), call)
    stranger = call_of(Principal(user_id=target.id, role="admin"))
    with pytest.raises(Forbidden):
        await users.administer(AdministerUser(id=target.id, role="admin"), stranger)


async def test_an_account_that_is_not_there_is_not_found(users: UserHandlers, admin: Call) -> None:
    """Nor what is no id, and a stale change is refused before anything is done."""
    for unknown in (new_id(), "me", "", "\0"):
        with pytest.raises(NotFound):
            await users.administer(AdministerUser(id=unknown, role="user"), admin)
    with pytest.raises(PreconditionFailed):
        await users.administer(AdministerUser(id=admin.user.user_id, role="admin", if_revision=(9,)), admin)


FILTERS: list[dict[str, Any]] = [
    {},
    {"role": "admin"},
    {"role": "user"},
    {"is_active": True},
    {"is_active": False},
    {"is_active": False, "role": "admin"},
    {"is_active": True, "role": "user"},
    {"email": "U3@Example.com"},
    {"email": "u3@example.com", "role": "admin"},
    {"email": "u4@example.com", "is_active": True},
    {"email": "nobody@example.com"},
    {"email": "u3@example.com\0"},
    {"email": ""},
]


@pytest.fixture
async def many(accounts: AccountHandlers, database: Database, clock: FakeClock, admin: Call) -> list[User]:
    """Accounts of both roles, active and closed, some of the same moment; the newest first."""
    for number in range(12):
        clock.advance(seconds=number % 3)
        await register(accounts, f"u{number}@example.com")
    async with database.transaction() as connection:
        await connection.execute("UPDATE users SET role = 'admin' WHERE email IN ('u1@example.com', 'u4@example.com')")
        await connection.execute(
            "UPDATE users SET is_active = false WHERE email IN ('u2@example.com', 'u4@example.com', 'u7@example.com')"
        )
    fields = [{name: row[name] for name in User.__struct_fields__} for row in await rows(database, "users")]
    found = [msgspec.convert(each, User) for each in fields]
    return sorted(found, key=lambda user: (user.created_at, user.id), reverse=True)


@pytest.mark.parametrize("limit", [1, 3, 200])
@pytest.mark.parametrize("given", FILTERS, ids=str)
async def test_pages_put_together_are_the_accounts_asked_for(
    users: UserHandlers, admin: Call, many: list[User], given: dict[str, Any], limit: int
) -> None:
    """Each once, the newest first, whatever the filters and the size of a page, without what belongs to logging in."""
    email = str(given.get("email", "")).lower()
    wanted = [
        user
        for user in many
        if given.get("role") in {None, user.role}
        and given.get("is_active") in {None, user.is_active}
        and ("email" not in given or user.email == email)
    ]
    found: list[User] = []
    cursor: str | None = None
    while True:
        asked = msgspec.convert({**given, "limit": limit, "cursor": cursor}, ListUsers)
        answer = await users.list_all(asked, admin)
        assert answer.versions == {users_object(): 13}
        found += _page(answer).items
        cursor = _page(answer).next_cursor
        if cursor is None:
            break
    assert found == wanted


async def test_a_cursor_belongs_to_its_filters(users: UserHandlers, admin: Call, many: list[User]) -> None:
    """With others, or of nobody's making, it is refused."""
    cursor = _page(await users.list_all(ListUsers(limit=1), admin)).next_cursor
    for asked in (
        ListUsers(limit=1, cursor=cursor, role="user"),
        ListUsers(limit=1, cursor=cursor, is_active=True),
        ListUsers(limit=1, cursor=cursor, email="u1@example.com"),
        ListUsers(cursor="nonsense"),
    ):
        with pytest.raises(Malformed):
            await users.list_all(asked, admin)
