"""The services in this process, with an account's dataset."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.ingest_pool import IngestPool
from services.backtest.tests.fakes import apple, csv_of
from services.backtest.tests.steps import call_of, ingested
from services.strategy.store.accounts import insert_user
from shared.contracts.ids import new_id
from shared.contracts.values import Principal, User
from shared.runtime.objects import Objects
from tests.clock import FakeClock
from tests.databases import connected
from tests.hostile.service import Service, service

NOW = FakeClock().now()


@pytest.fixture
async def owner(owner_url: str) -> str:
    """An account's id."""
    user = User(id=new_id(), email="a@b.c", name="N", role="user", is_active=True, created_at=NOW, revision=1)
    async with connected(owner_url, "strategy") as database, database.transaction() as connection:
        await insert_user(connection, user, "no password")
    return user.id


@pytest.fixture
async def dataset_id(owner_url: str, owner: str, tmp_path: Path) -> str:
    """The account's daily bars of AAPL."""
    readers, objects = IngestPool(), Objects((tmp_path / "objects").as_uri())
    async with connected(owner_url, "backtest") as database:
        handlers = DatasetHandlers(database, FakeClock(), objects, readers)
        dataset = await ingested(handlers, objects, call_of(Principal(user_id=owner)), csv_of(apple()))
    await readers.close()
    return dataset.id


@pytest.fixture
async def asked(owner_url: str, owner: str, tmp_path: Path) -> AsyncIterator[Service]:
    """A logged-in client of the gateway and the handlers behind it."""
    async with (
        connected(owner_url, "strategy") as strategy,
        connected(owner_url, "backtest") as backtest,
        service(strategy, backtest, owner, tmp_path) as lent,
    ):
        yield lent
