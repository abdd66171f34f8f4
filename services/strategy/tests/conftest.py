"""The service's handlers on a real database, with a clock and a validator of the tests' own."""

import time
from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from services.strategy.handlers import AccountHandlers, StrategyHandlers
from services.strategy.passwords import Passwords
from services.strategy.store.accounts import insert_user
from services.strategy.tests.fakes import FakeSpecValidator
from services.strategy.tokens import SessionTokens
from shared.contracts.ids import new_id
from shared.contracts.values import Principal, User
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from tests.clock import FakeClock
from tests.databases import connected, service_url

SECRET = "a-secret-of-tests-alone-0123456789"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def database_url(owner_url: str) -> str:
    """A fresh migrated database, for the service's own role."""
    return service_url(owner_url, "strategy")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The service's schema, migrated and empty."""
    async with connected(database_url, "strategy") as database:
        yield database


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def specs() -> FakeSpecValidator:
    """A validator that needs no backtest service."""
    return FakeSpecValidator()


@pytest.fixture
def cheap() -> Passwords:
    """Passwords hashed too cheaply for anything but tests."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1), at_once=2)


@pytest.fixture
def accounts(database: Database, clock: FakeClock, cheap: Passwords) -> AccountHandlers:
    """The handlers of accounts."""
    return AccountHandlers(database, clock, cheap, SessionTokens(SECRET))


@pytest.fixture
def strategies(database: Database, clock: FakeClock, specs: FakeSpecValidator) -> StrategyHandlers:
    """The handlers of strategies."""
    return StrategyHandlers(database, clock, specs)


@pytest.fixture
async def ana(database: Database, clock: FakeClock) -> Call:
    """A request of one account."""
    return await _account(database, clock, "ana@example.com")


@pytest.fixture
async def ben(database: Database, clock: FakeClock) -> Call:
    """A request of another account."""
    return await _account(database, clock, "ben@example.com")


def call_of(principal: Principal | None) -> Call:
    """A request by `principal`, or by nobody."""
    return Call(new_id(), principal, time.time() + 5, TRACEPARENT, "")


async def _account(database: Database, clock: FakeClock, email: str) -> Call:
    user = User(id=new_id(), email=email, name="N", role="user", is_active=True, created_at=clock.now(), revision=1)
    async with database.transaction() as connection:
        await insert_user(connection, user, "no password")
    return call_of(Principal(user_id=user.id))
