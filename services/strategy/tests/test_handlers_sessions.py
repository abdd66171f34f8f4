"""Logging out and changing the password, on a real database."""

import asyncio

import pytest

from services.strategy.handlers import AccountHandlers
from services.strategy.passwords import Passwords
from services.strategy.session_handlers import SessionHandlers
from services.strategy.store.sessions import MAX_SESSIONS
from services.strategy.tests.account_steps import (
    NOBODY,
    PASSWORD,
    caller,
    claims_of,
    events,
    log_in,
    refresh,
    register,
    rows,
)
from services.strategy.tests.conftest import call_of
from shared.contracts.errors import Conflict, Invalid, ServiceError, Unauthenticated
from shared.contracts.ids import new_id
from shared.contracts.messages import ChangePassword, LogOut
from shared.contracts.objects import session_object, user_object, users_object
from shared.contracts.values import Principal, Tokens
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

OTHER = "another horse, another battery"


@pytest.fixture
def sessions(database: Database, clock: FakeClock, cheap: Passwords) -> SessionHandlers:
    """The handlers of what callers do to their sessions."""
    return SessionHandlers(database, clock, cheap)


def _session(tokens: Tokens) -> str:
    return str(claims_of(tokens.access_token)["sid"])


async def _change(sessions: SessionHandlers, call: Call, current: str = PASSWORD, new: str = OTHER) -> Answer:
    return await sessions.change_password(ChangePassword(current_password=current, new_password=new), call)


async def _is_refused(accounts: AccountHandlers, tokens: Tokens) -> bool:
    try:
        await refresh(accounts, tokens.refresh_token)
    except Unauthenticated:
        return True
    return False


async def test_logging_out_ends_this_session_alone(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """Its refresh token is refused at once, one event says so; another session of the account goes on."""
    user = await register(accounts)
    tokens, elsewhere = await log_in(accounts), await log_in(accounts)
    answer = await sessions.log_out(LogOut(), caller(tokens))
    ended = session_object(_session(tokens))
    assert (answer.value, answer.versions) == (None, {ended: 1})
    assert await events(database) == [
        ("aurelius.user.registered.v1", user_object(user.id)),
        ("aurelius.session.revoked.v1", ended),
    ]
    assert await _is_refused(accounts, tokens)
    assert not await _is_refused(accounts, elsewhere)


async def test_logging_out_twice_is_once(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """Also at the same time: the second finds nothing to do, and says so as well as the first."""
    await register(accounts)
    tokens = await log_in(accounts)
    answers = await asyncio.gather(*(sessions.log_out(LogOut(), caller(tokens)) for _ in range(3)))
    assert sorted(len(answer.versions) for answer in answers) == [0, 0, 1]
    assert [kind for kind, _ in await events(database)].count("aurelius.session.revoked.v1") == 1


@pytest.mark.parametrize("session", ["", "x", "\0", new_id()])
async def test_a_caller_without_a_session_has_none_to_end(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database, session: str
) -> None:
    """A token that names no session, or one long gone, is logged out already."""
    user = await register(accounts)
    answer = await sessions.log_out(LogOut(), call_of(Principal(user_id=user.id, session_id=session)))
    assert (answer.value, answer.versions) == (None, {})
    assert len(await events(database)) == 1


async def test_another_accounts_session_is_not_ended(accounts: AccountHandlers, sessions: SessionHandlers) -> None:
    """Even if a token could name it."""
    await register(accounts)
    ben = await register(accounts, "ben@example.com")
    tokens = await log_in(accounts)
    await sessions.log_out(LogOut(), call_of(Principal(user_id=ben.id, session_id=_session(tokens))))
    assert not await _is_refused(accounts, tokens)


async def test_another_password_ends_every_other_session(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """The old password opens nothing, the new one does; this session goes on, others' accounts are left alone."""
    user = await register(accounts)
    await register(accounts, "ben@example.com")
    mine, elsewhere, too = [await log_in(accounts) for _ in range(3)]
    ben = await log_in(accounts, "ben@example.com")
    answer = await _change(sessions, caller(mine))
    ended = sorted(session_object(_session(tokens)) for tokens in (elsewhere, too))
    assert answer.value is None
    assert answer.versions == {user_object(user.id): 2, users_object(): 3, **dict.fromkeys(ended, 1)}
    told = (await events(database))[2:]
    assert told == [
        *(("aurelius.session.revoked.v1", session) for session in ended),
        ("aurelius.user.updated.v1", user_object(user.id)),
    ]
    assert [await _is_refused(accounts, tokens) for tokens in (mine, elsewhere, too, ben)] == [False, True, True, False]
    with pytest.raises(Unauthenticated):
        await log_in(accounts)
    assert await log_in(accounts, password=OTHER)


async def test_a_change_of_the_password_is_a_revision(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """Whoever has the account before them sees that it changed; the hash is argon2id, and in no event."""
    await register(accounts)
    await _change(sessions, caller(await log_in(accounts)))
    (user,) = await rows(database, "users")
    assert user["revision"] == 2
    assert user["password_hash"].startswith("$argon2id$")
    data = b"".join(row["data"] for row in await rows(database, "outbox"))
    assert b'"changed":["password"]' in data
    for secret in (PASSWORD, OTHER, "argon2"):
        assert secret.encode() not in data


@pytest.mark.parametrize(
    ("current", "new", "pointer"), [("wrong", OTHER, "/current_password"), (PASSWORD, PASSWORD, "/new_password")]
)
async def test_a_password_that_does_not_fit_changes_nothing(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database, current: str, new: str, pointer: str
) -> None:
    """The field is named, no session ends."""
    await register(accounts)
    mine, elsewhere = await log_in(accounts), await log_in(accounts)
    with pytest.raises(Invalid) as caught:
        await _change(sessions, caller(mine), current, new)
    assert [error.pointer for error in caught.value.errors] == [pointer]
    assert len(await events(database)) == 1
    assert not await _is_refused(accounts, elsewhere)
    assert await log_in(accounts)


async def test_who_was_logged_out_cannot_change_the_password(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """Its access token is good for some minutes more, but not to take the account over, even with the password."""
    await register(accounts)
    tokens = await log_in(accounts)
    await sessions.log_out(LogOut(), caller(tokens))
    for call in (caller(tokens), call_of(Principal(user_id=caller(tokens).user.user_id))):
        with pytest.raises(Unauthenticated, match="log in again"):
            await _change(sessions, call)
    with pytest.raises(Unauthenticated):
        await _change(sessions, NOBODY)
    assert await log_in(accounts)


async def test_a_closed_account_changes_no_password(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """Nor does one that is not there."""
    await register(accounts)
    tokens = await log_in(accounts)
    async with database.transaction() as connection:
        await connection.execute("UPDATE users SET is_active = false")
    for call in (caller(tokens), call_of(Principal(user_id=new_id())), call_of(Principal(user_id="x"))):
        with pytest.raises(Unauthenticated):
            await _change(sessions, call)


async def test_of_two_changes_at_once_one_is_told(accounts: AccountHandlers, sessions: SessionHandlers) -> None:
    """The password is one of the two afterwards, and who was told that it was changed knows which."""
    await register(accounts)
    tokens = await log_in(accounts)
    wanted = [f"a new password, number {number}" for number in range(3)]
    outcomes = await asyncio.gather(
        *(_change(sessions, caller(tokens), new=new) for new in wanted), return_exceptions=True
    )
    (winner,) = [new for new, outcome in zip(wanted, outcomes, strict=True) if isinstance(outcome, Answer)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, ServiceError)]
    assert [type(each) for each in refused] == [Conflict] * 2 or {type(each) for each in refused} <= {Conflict, Invalid}
    assert await log_in(accounts, password=winner)


async def test_a_login_at_the_same_moment_does_not_outlive_the_old_password(
    accounts: AccountHandlers, sessions: SessionHandlers
) -> None:
    """Either it was first, and its session has ended with the others, or it is refused."""
    await register(accounts)
    mine = await log_in(accounts)
    outcomes = await asyncio.gather(
        *(log_in(accounts) for _ in range(4)),
        _change(sessions, caller(mine)),
        *(log_in(accounts) for _ in range(4)),
        return_exceptions=True,
    )
    opened = [outcome for outcome in outcomes if isinstance(outcome, Tokens)]
    assert [await _is_refused(accounts, tokens) for tokens in opened] == [True] * len(opened)
    assert not await _is_refused(accounts, mine)


async def test_an_account_keeps_the_sessions_that_were_used_last(
    accounts: AccountHandlers, sessions: SessionHandlers, database: Database, clock: FakeClock
) -> None:
    """A login more ends the one unused longest, and says so; many that an older release left end some at a time."""
    user = await register(accounts)
    await register(accounts, "ben@example.com")
    ben = await log_in(accounts, "ben@example.com")
    oldest, second = await log_in(accounts), await log_in(accounts)
    clock.advance(seconds=1)
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO sessions SELECT gen_random_uuid(), $1, $2, $3, $3::timestamptz + interval '30 days'"
            " FROM generate_series(3, $4::int)",
            *(user.id, b"", clock.now(), MAX_SESSIONS),
        )
    clock.advance(seconds=1)
    kept = await refresh(accounts, oldest.refresh_token)
    await log_in(accounts)
    assert (await events(database))[2:] == [("aurelius.session.revoked.v1", session_object(_session(second)))]
    assert [await _is_refused(accounts, tokens) for tokens in (second, kept, ben)] == [True, False, False]
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO sessions SELECT gen_random_uuid(), $1, $2, $3, $3::timestamptz + interval '1 day'"
            " FROM generate_series(1, 15)",
            *(user.id, b"", clock.now()),
        )
    counts = []
    for _ in range(3):
        await log_in(accounts)
        async with database.reading() as connection:
            counts.append(await connection.fetchval("SELECT count(*) FROM sessions WHERE user_id = $1", user.id))
    assert counts == [MAX_SESSIONS + 6, MAX_SESSIONS, MAX_SESSIONS]
    answer = await _change(sessions, caller(await log_in(accounts)))
    assert len(answer.versions) == MAX_SESSIONS - 1 + 2
