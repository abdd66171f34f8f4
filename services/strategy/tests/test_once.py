"""Every write of the service, delivered again by the bus or repeated by a client: done once, answered the same."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import msgspec
import pytest

from services.strategy.handlers import AccountHandlers, StrategyHandlers
from services.strategy.passwords import Passwords
from services.strategy.session_handlers import SessionHandlers
from services.strategy.tests.account_steps import caller
from services.strategy.tests.conftest import SECRET, call_of
from services.strategy.user_handlers import UserHandlers
from shared.contracts.clock import SystemClock
from shared.contracts.errors import KeyReused, Unauthenticated
from shared.contracts.messages import (
    AdministerUser,
    ChangePassword,
    CreateStrategy,
    DeleteStrategy,
    LogIn,
    LogOut,
    PatchStrategy,
    PatchUser,
    RefreshTokens,
    RegisterUser,
)
from shared.contracts.values import Strategy, Tokens, User
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.once import Once
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery staple"
Do = Callable[[Call], Awaitable[Answer]]

_TABLES = ("users", "sessions", "used_refresh_tokens", "strategies", "strategy_versions", "object_version", "outbox")


@pytest.fixture
def once(database: Database) -> Once:
    """What the service makes its handlers with."""
    return Once(database, SystemClock(), secret=SECRET)


@pytest.fixture
def users(database: Database, clock: FakeClock) -> UserHandlers:
    """The handlers of accounts as they are shown."""
    return UserHandlers(database, clock)


@pytest.fixture
def sessions(database: Database, clock: FakeClock, cheap: Passwords) -> SessionHandlers:
    """The handlers of what callers do to their sessions."""
    return SessionHandlers(database, clock, cheap)


@pytest.fixture
def refresh(once: Once, accounts: AccountHandlers) -> Callable[[str, Call], Awaitable[Tokens]]:
    """Exchanges a refresh token."""
    handler = once(accounts.refresh, restore=accounts.tokens_again)

    async def exchange(token: str, call: Call) -> Tokens:
        return _tokens(await handler(RefreshTokens(refresh_token=token), call))

    return exchange


async def _state(database: Database) -> dict[str, Sequence[asyncpg.Record]]:
    async with database.reading() as connection:
        return {table: await connection.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in _TABLES}


def _shown(answer: Answer) -> tuple[bytes, dict[str, int]]:
    body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
    return body, answer.versions


def _tokens(answer: Answer) -> Tokens:
    assert isinstance(answer.value, Tokens)
    return answer.value


def _keyed(call: Call, key: str = "k") -> Call:
    """A new request of the same account, with a key."""
    return msgspec.structs.replace(call_of(call.principal), idempotency_key=key)


async def _stored(strategies: StrategyHandlers, call: Call) -> Strategy:
    answer = await strategies.create(CreateStrategy(name="n", spec={"entry_long": "close > 1"}), call)
    assert isinstance(answer.value, Strategy)
    return answer.value


async def _done_once(database: Database, do: Do, call: Call) -> None:
    """Check that a request and its repeats are answered the same, and change nothing more."""
    first = _shown(await do(call))
    after = await _state(database)
    assert _shown(await do(call)) == first
    late = msgspec.structs.replace(call, deadline=time.time() + 60)
    assert [_shown(answer) for answer in await asyncio.gather(do(late), do(late))] == [first, first]
    assert await _state(database) == after


async def test_writes_of_strategies_are_done_once(
    once: Once, strategies: StrategyHandlers, database: Database, ana: Call
) -> None:
    """Created, changed, left as it is, deleted: the repeat of none changes anything, or finds anything in its way."""
    create, patch, delete = once(strategies.create), once(strategies.patch), once(strategies.delete)
    message = CreateStrategy(name="n", spec={"entry_long": "close > 1"})
    await _done_once(database, lambda call: create(message, call), call_of(ana.principal))
    stored = await _stored(strategies, ana)
    for name, revision in (("m", 1), ("m", 2)):
        change = PatchStrategy(id=stored.id, name=name, if_revision=(revision,))
        await _done_once(database, lambda call, change=change: patch(change, call), call_of(ana.principal))  # type: ignore[misc]
    await _done_once(database, lambda call: delete(DeleteStrategy(id=stored.id), call), call_of(ana.principal))


async def test_an_old_change_delivered_again_does_not_undo_a_newer_one(
    once: Once, strategies: StrategyHandlers, database: Database, ana: Call
) -> None:
    """Even one that changed nothing when it was new."""
    stored = await _stored(strategies, ana)
    patch = once(strategies.patch)
    old = call_of(ana.principal)
    first = await patch(PatchStrategy(id=stored.id, name="n"), old)
    await patch(PatchStrategy(id=stored.id, name="newer"), call_of(ana.principal))
    assert _shown(await patch(PatchStrategy(id=stored.id, name="n"), old)) == _shown(first)
    assert [row["name"] for row in (await _state(database))["strategies"]] == ["newer"]


async def test_an_account_is_opened_once(once: Once, accounts: AccountHandlers, database: Database) -> None:
    """A repeat is not told that its own email is taken."""
    register = once(accounts.register, owner=lambda message: message.email)
    message = RegisterUser(email="a@example.com", name="A", password=PASSWORD)
    await _done_once(database, lambda call: register(message, call), call_of(None))


async def test_a_login_delivered_again_answers_the_same_tokens(
    once: Once, accounts: AccountHandlers, database: Database
) -> None:
    """One session is opened, and its refresh token works."""
    await accounts.register(RegisterUser(email="a@example.com", name="A", password=PASSWORD), call_of(None))
    log_in = once(accounts.log_in, restore=accounts.tokens_again)
    message = LogIn(email="a@example.com", password=PASSWORD)
    call = call_of(None)
    await _done_once(database, lambda call: log_in(message, call), call)
    assert len((await _state(database))["sessions"]) == 1
    answer = await accounts.refresh(
        RefreshTokens(refresh_token=_tokens(await log_in(message, call)).refresh_token), call_of(None)
    )
    assert _tokens(answer).access_token


async def test_a_refresh_delivered_again_is_no_reuse(
    accounts: AccountHandlers, refresh: Callable[[str, Call], Awaitable[Tokens]], database: Database
) -> None:
    """It answers the same tokens, also at the same time and when the session has gone on; the session goes on."""
    first = await _session(accounts)
    call = call_of(None)
    answers = await asyncio.gather(*(refresh(first.refresh_token, call) for _ in range(5)))
    assert len({answer.refresh_token for answer in answers}) == 1
    third = await refresh(answers[0].refresh_token, call_of(None))
    assert await refresh(first.refresh_token, call) == answers[0]
    assert await refresh(third.refresh_token, call_of(None))
    assert [row["revoked_at"] for row in (await _state(database))["sessions"]] == [None]


async def test_another_use_of_a_refresh_token_still_ends_the_session(
    accounts: AccountHandlers, refresh: Callable[[str, Call], Awaitable[Tokens]], database: Database
) -> None:
    """Only the very same request is known again; the end of a session is announced once, however often delivered."""
    first = await _session(accounts)
    second = await refresh(first.refresh_token, call_of(None))
    call = call_of(None)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await refresh(first.refresh_token, call)
    with pytest.raises(Unauthenticated):
        await refresh(second.refresh_token, call_of(None))
    types = [row["type"] for row in (await _state(database))["outbox"]]
    assert types.count("aurelius.session.revoked.v1") == 1


async def test_no_secret_is_in_what_is_recorded(once: Once, accounts: AccountHandlers, database: Database) -> None:
    """Neither a password, nor a token, nor anything that can be tried without the service's key."""
    register = once(accounts.register, owner=lambda message: message.email)
    message = RegisterUser(email="a@example.com", name="A", password=PASSWORD)
    await register(message, _keyed(call_of(None)))
    tokens = _tokens(
        await once(accounts.log_in, restore=accounts.tokens_again)(
            LogIn(email="a@example.com", password=PASSWORD), call_of(None)
        )
    )
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT row_to_json(a)::text AS text, body FROM request_answer AS a")
    said = "".join(row["text"] + row["body"].decode() for row in rows)
    assert len(rows) == 2
    for secret in (PASSWORD, tokens.access_token, tokens.refresh_token, tokens.refresh_token.partition(".")[2]):
        assert secret not in said


async def test_a_key_at_registration_is_the_email_addresss_own(
    once: Once, accounts: AccountHandlers, database: Database
) -> None:
    """Two who open accounts under the same key do not meet; one who repeats it with another password is told."""
    register = once(accounts.register, owner=lambda message: message.email)
    ana = RegisterUser(email="a@example.com", name="A", password=PASSWORD)
    ben = msgspec.structs.replace(ana, email="b@example.com")
    first = await register(ana, _keyed(call_of(None)))
    assert not (await register(ben, _keyed(call_of(None)))).replayed
    again = await register(ana, _keyed(call_of(None)))
    assert again.replayed
    assert _shown(again) == _shown(first)
    with pytest.raises(KeyReused):
        await register(msgspec.structs.replace(ana, password="another one, as long"), _keyed(call_of(None)))
    assert len((await _state(database))["users"]) == 2


async def test_a_keys_answer_outlives_what_it_made(
    once: Once, strategies: StrategyHandlers, database: Database, ana: Call, ben: Call
) -> None:
    """After the deletion of the strategy its key still answers it, and makes none; another owner's key does."""
    create = once(strategies.create)
    message = CreateStrategy(name="n", spec={"entry_long": "close > 1"})
    first = await create(message, _keyed(ana))
    assert isinstance(first.value, Strategy)
    await strategies.delete(DeleteStrategy(id=first.value.id), ana)
    again = await create(message, _keyed(ana))
    assert again.replayed
    assert _shown(again) == _shown(first)
    assert not (await create(message, _keyed(ben))).replayed
    assert len((await _state(database))["strategies"]) == 1


async def test_writes_of_accounts_are_done_once(
    once: Once, accounts: AccountHandlers, users: UserHandlers, sessions: SessionHandlers, database: Database
) -> None:
    """Renamed, given another password, closed, logged out: the repeat of none finds the first one in its way."""
    mine = caller(await _session(accounts))
    await accounts.log_in(LogIn(email="a@example.com", password=PASSWORD), call_of(None))
    rename, administer = once(users.patch), once(users.administer)
    change_password, log_out = once(sessions.change_password), once(sessions.log_out)
    for name, revision in (("B", 1), ("B", 2)):
        change = PatchUser(name=name, if_revision=(revision,))
        await _done_once(database, lambda call, change=change: rename(change, call), call_of(mine.principal))  # type: ignore[misc]
    another = ChangePassword(current_password=PASSWORD, new_password="another one, as long")
    await _done_once(database, lambda call: change_password(another, call), call_of(mine.principal))
    await _done_once(database, lambda call: log_out(LogOut(), call), call_of(mine.principal))
    async with database.transaction() as connection:
        await connection.execute("UPDATE users SET role = 'admin'")
    ben = await accounts.register(RegisterUser(email="b@example.com", name="B", password=PASSWORD), call_of(None))
    assert isinstance(ben.value, User)
    await accounts.log_in(LogIn(email="b@example.com", password=PASSWORD), call_of(None))
    closed = AdministerUser(id=ben.value.id, is_active=False, if_revision=(1,))
    await _done_once(database, lambda call: administer(closed, call), call_of(mine.principal))


async def _session(accounts: AccountHandlers) -> Tokens:
    await accounts.register(RegisterUser(email="a@example.com", name="A", password=PASSWORD), call_of(None))
    return _tokens(await accounts.log_in(LogIn(email="a@example.com", password=PASSWORD), call_of(None)))
