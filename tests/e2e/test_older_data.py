"""A data folder that an older release has made."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.account import postgres_account
from deploy.local.kept_secret import kept_secret
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from services.strategy.passwords import argon2id
from shared.contracts.ids import new_id
from tests.e2e.administrators import logged_in, made_admin
from tests.e2e.journey import SMA_CROSS, User, whole_journey
from tests.e2e.platform import PASSWORD, ROOT, Platform, platform
from tests.servers import running_server

pytestmark = pytest.mark.e2e

EMAIL = "early@example.com"
SERVICES = ("strategy", "backtest")


@pytest.fixture
def first_release(tmp_path: Path) -> Path:
    """A checkout as far as migrations go, with the first of each service alone."""
    checkout = tmp_path / "first-release"
    for service in SERVICES:
        versions = checkout / f"services/{service}/migrations/versions"
        versions.mkdir(parents=True)
        (first,) = (ROOT / f"services/{service}/migrations/versions").glob("0001_*.py")
        shutil.copy(first, versions)
    (checkout / "shared").symlink_to(ROOT / "shared")
    return checkout


async def make_older_data(data: Path, first_release: Path) -> str:
    """Data as that release left them: one database account, no roles, one password for each Valkey.

    There is an account, EMAIL, with a strategy. Returns its id.
    """
    for secret in ("secret_key", "bus/password", "cache/password"):
        kept_secret(data / secret)
    (port,) = free_ports(1, "127.0.0.1")
    postgres = Postgres(data / "postgres", port, postgres_account())
    async with running_server(postgres):
        await migrated(first_release, postgres.url)
        connection = await asyncpg.connect(postgres.url)
        try:
            return await stored_before(connection)
        finally:
            await connection.close()


async def migrated(checkout: Path, url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.runtime.migrations", *(f"services.{service}" for service in SERVICES)),
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
    )
    assert await process.wait() == 0


async def stored_before(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    user_id, strategy_id = new_id(), new_id()
    await connection.execute(
        "INSERT INTO strategy.users (id, email, name, password_hash, created_at) VALUES ($1, $2, 'Early', $3, now())",
        *(user_id, EMAIL, argon2id().hash(PASSWORD)),
    )
    await connection.execute(
        "INSERT INTO strategy.strategies VALUES ($1, $2, 'From before', '', $3, 'h', 1, 1, 'draft', now(), now())",
        *(strategy_id, user_id, json.dumps(SMA_CROSS)),
    )
    await connection.execute(
        "INSERT INTO strategy.strategy_versions VALUES ($1, 1, $2, 'h', now())", strategy_id, json.dumps(SMA_CROSS)
    )
    return strategy_id


async def test_data_of_the_first_release_are_brought_up_to_date(
    tmp_path: Path, first_release: Path, aapl: Path
) -> None:
    """Schemas, roles, users and passwords are made as they are needed; what was stored is there and can be changed."""
    strategy_id = await make_older_data(tmp_path / "data", first_release)
    async with platform(tmp_path) as running, running.client() as client:
        login = await User(client, {}).call("POST", "/auth/login", 200, json={"email": EMAIL, "password": PASSWORD})
        user = User(client, {"Authorization": f"Bearer {login.json()['access_token']}"})
        for query in ("", "?sort=name", "?q=before", "?status=draft"):
            listed = await user.call("GET", f"/strategies{query}", 200)
            assert [item["id"] for item in listed.json()["items"]] == [strategy_id], query
        versions = (await user.call("GET", f"/strategies/{strategy_id}/versions", 200)).json()["items"]
        assert [(each["version"], each["spec"], each["spec_hash"]) for each in versions] == [(1, SMA_CROSS, "h")]
        assert (await user.call("GET", "/users/me", 200)).json()["email"] == EMAIL
        await listed_for_an_operator(running, client)
        changed = await user.call("PATCH", f"/strategies/{strategy_id}", 200, json={"name": "From now"})
        assert (changed.json()["name"], changed.json()["spec"]) == ("From now", SMA_CROSS)
        assert (await whole_journey(client, aapl))["metrics"]["trades"] == 85
        assert "aurelius_strategy:" in running.given("strategy", "DATABASE_URL")


async def listed_for_an_operator(running: Platform, client: httpx.AsyncClient) -> None:
    """Check that an administrator finds the account of before, by each of the filters."""
    email = "operator@example.com"
    await User(client, {}).call(
        "POST", "/auth/register", 201, json={"email": email, "password": PASSWORD, "name": "Operator"}
    )
    await made_admin(running, email)
    admin = await logged_in(client, email)
    for query in ("", "?role=user", "?is_active=true", "?role=user&is_active=true", f"?email={EMAIL.upper()}"):
        found = (await admin.call("GET", f"/users{query}", 200)).json()["items"]
        assert EMAIL in {item["email"] for item in found}, query
