"""A data folder that the first release has made."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import asyncpg

from deploy.local.account import postgres_account
from deploy.local.kept_secret import kept_secret
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from services.strategy.passwords import argon2id
from shared.contracts.ids import new_id
from tests.e2e.journey import SMA_CROSS
from tests.e2e.platform import PASSWORD, ROOT
from tests.servers import running_server

EMAIL = "early@example.com"
SERVICES = ("strategy", "backtest")


def _first_release(folder: Path) -> Path:
    """Make a checkout as far as migrations go, with the first of each service alone."""
    checkout = folder / "first-release"
    for service in SERVICES:
        versions = checkout / f"services/{service}/migrations/versions"
        versions.mkdir(parents=True)
        (first,) = (ROOT / f"services/{service}/migrations/versions").glob("0001_*.py")
        shutil.copy(first, versions)
    (checkout / "shared").symlink_to(ROOT / "shared")
    return checkout


async def make_older_data(folder: Path) -> str:
    """Make `folder`/data as that release left them: one database account, no roles, one password for each Valkey.

    There is an account, EMAIL, with a strategy. Returns its id.
    """
    data = folder / "data"
    for secret in ("secret_key", "bus/password", "cache/password"):
        kept_secret(data / secret)
    (port,) = free_ports(1, "127.0.0.1")
    postgres = Postgres(data / "postgres", port, postgres_account())
    async with running_server(postgres):
        await _migrate(_first_release(folder), postgres.url)
        connection = await asyncpg.connect(postgres.url)
        try:
            return await _store(connection)
        finally:
            await connection.close()


async def _migrate(checkout: Path, url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shared.runtime.migrations", *(f"services.{service}" for service in SERVICES)),
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
    )
    assert await process.wait() == 0


async def _store(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
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
