"""Accounts and sessions, on a real database."""

import asyncio

import pytest
from argon2 import PasswordHasher

from services.strategy.handlers import AccountHandlers
from services.strategy.passwords import Passwords
from services.strategy.tests.account_steps import NOBODY, PASSWORD, claims_of, events, log_in, refresh, register, rows
from services.strategy.tests.conftest import SECRET
from services.strategy.tokens import SessionTokens
from shared.contracts.errors import Conflict, Forbidden, Invalid, ServiceError, Unauthenticated
from shared.contracts.messages import RegisterUser
from shared.contracts.objects import session_object, user_object, users_object
from shared.contracts.values import Tokens, User
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


async def test_registering_opens_an_account_and_announces_it(
    accounts: AccountHandlers, database: Database, clock: FakeClock
) -> None:
    """The answer is the account with the version it raised; one event says so; no hash leaves the service."""
    message = RegisterUser(email="Ana@Example.com", password=PASSWORD, name=" Ana ")
    answer = await accounts.register(message, NOBODY)
    user = answer.value
    assert isinstance(user, User)
    assert (user.email, user.name, user.role, user.is_active) == ("ana@example.com", "Ana", "user", True)
    assert (user.created_at, user.revision) == (clock.now(), 1)
    assert answer.versions == {user_object(user.id): 1, users_object(): 1}
    assert await events(database) == [("aurelius.user.registered.v1", user_object(user.id))]
    async with database.reading() as connection:
        data = await connection.fetchval("SELECT data FROM outbox")
        stored = await connection.fetchval("SELECT password_hash FROM users")
    assert isinstance(data, bytes)
    assert isinstance(stored, str)
    assert stored.startswith("$argon2id$")
    assert b"argon2" not in data
    assert PASSWORD.encode() not in data


async def test_one_email_has_one_account_whatever_its_case(accounts: AccountHandlers, database: Database) -> None:
    """The second registration is told what to do, and leaves no trace; so do two at the same time."""
    await register(accounts)
    with pytest.raises(Conflict, match="log in, or register another email"):
        await register(accounts, "aNA@example.COM")
    outcomes = await asyncio.gather(
        *(register(accounts, f"{name}@example.com") for name in ("ben", "BEN", "Ben")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, User)] == [Conflict, Conflict]
    assert len(await events(database)) == 2


async def test_hand_written_sql_cannot_double_an_email_either(accounts: AccountHandlers, database: Database) -> None:
    """The database itself keeps emails apart without regard to case."""
    await register(accounts)
    async with database.reading() as connection:
        unique = await connection.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = 'users_by_email'")
    assert isinstance(unique, str)
    assert "UNIQUE" in unique
    assert "lower(email)" in unique


async def test_an_account_needs_a_name_and_storable_text(accounts: AccountHandlers) -> None:
    """What cannot be shown or stored is the caller's error."""
    with pytest.raises(Invalid):
        await accounts.register(RegisterUser(email="a@example.com", password=PASSWORD, name="  "), NOBODY)
    with pytest.raises(Invalid):
        await accounts.register(RegisterUser(email="a\0@example.com", password=PASSWORD, name="A"), NOBODY)


async def test_a_login_answers_tokens_for_a_session_of_its_own(accounts: AccountHandlers, clock: FakeClock) -> None:
    """The access token names the account and a session, which two logins do not share."""
    user = await register(accounts)
    tokens, others = await log_in(accounts, " ana@example.com ".strip().upper()), await log_in(accounts)
    assert (tokens.token_type, tokens.expires_in) == ("bearer", 900)
    claims = [claims_of(pair.access_token) for pair in (tokens, others)]
    assert {claim["sub"] for claim in claims} == {user.id}
    assert claims[0]["sid"] != claims[1]["sid"]
    assert claims[0]["iat"] == int(clock.now().timestamp())


async def test_every_failed_login_reads_the_same(accounts: AccountHandlers, database: Database) -> None:
    """Wrong password, also of a closed account, unknown email, text no email can be: one sentence tells nothing."""
    await register(accounts)
    await register(accounts, "closed@example.com")
    await _close(database, "closed@example.com")
    sentences = set()
    for email, password in (
        ("ana@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("closed@example.com", "wrong"),
        ("ana@example.com\0", PASSWORD),
        ("", ""),
    ):
        with pytest.raises(Unauthenticated) as caught:
            await log_in(accounts, email, password)
        sentences.add(caught.value.detail)
    assert len(sentences) == 1


async def test_a_closed_account_says_so_to_its_owner(accounts: AccountHandlers, database: Database) -> None:
    """To who knows its password, and how it is opened again; no session is opened."""
    await register(accounts)
    await _close(database, "ana@example.com")
    with pytest.raises(Forbidden, match="closed; ask an administrator"):
        await log_in(accounts)
    assert await rows(database, "sessions") == []


async def _close(database: Database, email: str) -> None:
    async with database.transaction() as connection:
        await connection.execute("UPDATE users SET is_active = false WHERE email = $1", email)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("UPDATE users SET is_active = false", Forbidden),
        ("UPDATE users SET password_hash = $$another's$$", Unauthenticated),
    ],
)
async def test_a_login_that_was_overtaken_opens_no_session(
    database: Database, clock: FakeClock, change: str, error: type[ServiceError]
) -> None:
    """Closed, or given another password, between the look at the account and the session: its sessions have ended."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = AccountHandlers(database, clock, _Overtaken(hasher, database, change), SessionTokens(SECRET))
    await register(accounts)
    with pytest.raises(error):
        await log_in(accounts)
    assert await rows(database, "sessions") == []


class _Overtaken(Passwords):
    """Whose account is changed by somebody else as soon as its password was found right."""

    def __init__(self, hasher: PasswordHasher, database: Database, change: str) -> None:
        super().__init__(hasher, at_once=1)
        self._database = database
        self._change = change

    async def verify(self, stored: str | None, password: str) -> bool:
        right = await super().verify(stored, password)
        async with self._database.transaction() as connection:
            await connection.execute(self._change)
        return right


async def test_a_login_whose_role_was_changed_meanwhile_has_the_new_one(database: Database, clock: FakeClock) -> None:
    """And one whose hash another login has renewed is let in all the same."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    renewed = hasher.hash(PASSWORD)
    change = f"UPDATE users SET role = 'admin', password_hash = '{renewed}'"
    accounts = AccountHandlers(database, clock, _Overtaken(hasher, database, change), SessionTokens(SECRET))
    await register(accounts)
    assert claims_of((await log_in(accounts)).access_token)["role"] == "admin"
    assert len(await rows(database, "sessions")) == 1


async def test_every_failed_login_does_the_same_work(
    accounts: AccountHandlers, database: Database, clock: FakeClock
) -> None:
    """Each failure verifies exactly one hash of today's cost: the time taken tells nothing."""
    await register(accounts)
    watched = _CountingHasher()
    watching = AccountHandlers(database, clock, Passwords(watched, at_once=1), SessionTokens(SECRET))
    for email in ("ana@example.com", "nobody@example.com", "ana\0@example.com"):
        with pytest.raises(Unauthenticated):
            await log_in(watching, email, "wrong password")
    assert watched.verified == 3


class _CountingHasher(PasswordHasher):
    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        self.verified += 1
        return super().verify(hash, password)


async def test_a_login_renews_a_hash_of_other_parameters(
    accounts: AccountHandlers, database: Database, clock: FakeClock
) -> None:
    """The cost of old hashes follows today's, and the password still fits."""
    await register(accounts)
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    upgraded = AccountHandlers(database, clock, Passwords(dearer, at_once=1), SessionTokens(SECRET))
    await log_in(upgraded)
    async with database.reading() as connection:
        stored = await connection.fetchval("SELECT password_hash FROM users")
    assert isinstance(stored, str)
    assert "$m=16,t=2,p=1$" in stored
    await log_in(upgraded)


async def test_a_refresh_rotates_within_one_session(accounts: AccountHandlers, clock: FakeClock) -> None:
    """Each refresh answers a new pair of the same session and account, time after time."""
    await register(accounts)
    tokens = await log_in(accounts)
    session = claims_of(tokens.access_token)["sid"]
    seen = {tokens.refresh_token}
    for _ in range(3):
        clock.advance(minutes=14)
        tokens = await refresh(accounts, tokens.refresh_token)
        claims = claims_of(tokens.access_token)
        assert claims["sid"] == session
        assert claims["iat"] == int(clock.now().timestamp())
        seen.add(tokens.refresh_token)
    assert len(seen) == 4


async def test_a_refresh_token_used_twice_ends_its_session(accounts: AccountHandlers, database: Database) -> None:
    """The thief's token and the owner's both stop working, one event says so, other sessions go on."""
    user = await register(accounts)
    stolen, elsewhere = await log_in(accounts), await log_in(accounts)
    current = await refresh(accounts, await _used(accounts, stolen.refresh_token))
    for token in (stolen.refresh_token, current.refresh_token, stolen.refresh_token):
        with pytest.raises(Unauthenticated):
            await refresh(accounts, token)
    session = str(claims_of(stolen.access_token)["sid"])
    assert await events(database) == [
        ("aurelius.user.registered.v1", user_object(user.id)),
        ("aurelius.session.revoked.v1", session_object(session)),
    ]
    await refresh(accounts, elsewhere.refresh_token)


async def _used(accounts: AccountHandlers, token: str) -> str:
    """Use `token` once; returns the next."""
    return (await refresh(accounts, token)).refresh_token


async def test_of_two_refreshes_at_once_one_is_a_reuse(accounts: AccountHandlers, database: Database) -> None:
    """The session's lock makes one of them second, however close they come; the session is over."""
    await register(accounts)
    tokens = await log_in(accounts)
    outcomes = await asyncio.gather(
        *(refresh(accounts, tokens.refresh_token) for _ in range(4)), return_exceptions=True
    )
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Tokens)]
    with pytest.raises(Unauthenticated):
        await refresh(accounts, winner.refresh_token)
    assert [kind for kind, _ in await events(database)].count("aurelius.session.revoked.v1") == 1


async def test_an_invented_token_of_a_known_session_ends_nothing(accounts: AccountHandlers) -> None:
    """Session ids are in every access token; knowing one must not be enough to log its owner out."""
    await register(accounts)
    tokens = await log_in(accounts)
    session = str(claims_of(tokens.access_token)["sid"])
    for invented in (f"{session}.", f"{session}.AAAA", "nonsense", "", "\0"):
        with pytest.raises(Unauthenticated):
            await refresh(accounts, invented)
    await refresh(accounts, tokens.refresh_token)


async def test_a_refresh_token_lasts_thirty_days_from_its_issue(accounts: AccountHandlers, clock: FakeClock) -> None:
    """Using a session keeps it; leaving it for thirty days ends it."""
    await register(accounts)
    tokens = await log_in(accounts)
    for _ in range(2):
        clock.advance(days=29)
        tokens = await refresh(accounts, tokens.refresh_token)
    clock.advance(days=30)
    with pytest.raises(Unauthenticated):
        await refresh(accounts, tokens.refresh_token)


async def test_a_closed_account_cannotrefresh(accounts: AccountHandlers, database: Database) -> None:
    """Closing an account takes effect within the life of an access token."""
    await register(accounts)
    tokens = await log_in(accounts)
    async with database.transaction() as connection:
        await connection.execute("UPDATE users SET is_active = false")
    with pytest.raises(Unauthenticated):
        await refresh(accounts, tokens.refresh_token)


async def test_what_sessions_leave_behind_does_not_grow(
    accounts: AccountHandlers, database: Database, clock: FakeClock
) -> None:
    """Used tokens are forgotten when they could not be used anyway, expired sessions at the next login."""
    await register(accounts)
    tokens = await log_in(accounts)
    for _ in range(5):
        clock.advance(days=20)
        tokens = await refresh(accounts, tokens.refresh_token)
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM used_refresh_tokens") == 2
    clock.advance(days=31)
    await log_in(accounts)
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 1
        assert await connection.fetchval("SELECT count(*) FROM used_refresh_tokens") == 0


async def test_no_refresh_token_is_stored(accounts: AccountHandlers, database: Database) -> None:
    """Whoever reads the tables cannot refresh with what is in them."""
    await register(accounts)
    first = await log_in(accounts)
    second = await refresh(accounts, first.refresh_token)
    async with database.reading() as connection:
        rows = await connection.fetch(
            "SELECT s::text FROM sessions AS s UNION ALL SELECT u::text FROM used_refresh_tokens AS u"
        )
    text = " ".join(row[0] for row in rows)
    assert len(rows) == 2
    for token in (first.refresh_token, second.refresh_token):
        secret = token.partition(".")[2]
        assert secret not in text
        assert secret.encode().hex() not in text
