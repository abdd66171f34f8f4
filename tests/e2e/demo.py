"""The demo data that a first start makes, and their user."""

import asyncio
import sys
from typing import Any

import httpx

from deploy.demo.bars import SYMBOLS
from tests.e2e.journey import User
from tests.e2e.platform import ROOT, Platform

EMAIL = "demo@example.com"
NAMES = {"Channel breakout", "RSI mean reversion", "SMA cross"}
DONE = "demo: 5 datasets, 3 strategies and 15 finished backtests of demo@example.com"
MADE_WITHIN = 120.0


async def demo_user(running: Platform, client: httpx.AsyncClient) -> User:
    """Log in as the banner says."""
    password = (running.data_dir / "demo/password").read_text()
    await running.until_logged(f"{EMAIL}, password {password} ", 10)
    login = await User(client, {}).call("POST", "/auth/login", 200, json={"email": EMAIL, "password": password})
    return User(client, {"Authorization": f"Bearer {login.json()['access_token']}"})


async def items(user: User, kind: str) -> list[dict[str, Any]]:
    """All of a kind, past every cache."""
    answer = await user.call("GET", f"/{kind}?limit=200", 200, headers={"Cache-Control": "no-cache"})
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def assert_complete(user: User) -> None:
    """Insist that all is there, and once."""
    datasets, strategies, runs = [await items(user, kind) for kind in ("datasets", "strategies", "backtests")]
    assert sorted(item["symbol"] for item in datasets) == sorted(SYMBOLS)
    assert {item["interval"] for item in datasets} == {"1d"}
    assert sorted(item["name"] for item in strategies) == sorted(NAMES)
    assert {(run["strategy_id"], run["dataset_id"]) for run in runs} == {
        (strategy["id"], dataset["id"]) for strategy in strategies for dataset in datasets
    }
    assert len(runs) == 15
    assert all(run["status"] == "succeeded" and run["metrics"]["trades"] > 0 for run in runs)


async def seeded_again(running: Platform) -> str:
    """What the demo's program says when it is run once more."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.demo", running.base_url, str(running.data_dir / "demo")),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def assert_made_once(running: Platform, client: httpx.AsyncClient) -> list[str]:
    """Insist that it is made, after the start and in one go, and that what its user deletes then is not made again.

    Returns the ids of the strategies that are left.
    """
    await running.until_logged(DONE, MADE_WITHIN)
    user = await demo_user(running, client)
    await assert_complete(user)
    assert all((running.data_dir / f"demo/{symbol}.csv").exists() for symbol in SYMBOLS)
    assert (running.data_dir / "demo/password").stat().st_mode & 0o777 == 0o600
    strategies = await items(user, "strategies")
    await user.call("DELETE", f"/strategies/{strategies[0]['id']}", 204)
    assert await seeded_again(running) == ""
    kept = [item["id"] for item in await items(user, "strategies")]
    assert kept == [item["id"] for item in strategies[1:]]
    return kept


async def assert_not_made_again(running: Platform, client: httpx.AsyncClient, kept: list[str]) -> None:
    """Insist that a later start has left it as its user has, in the end."""
    user = await demo_user(running, client)
    async with asyncio.timeout(20):
        while running.processes("deploy.demo"):
            await asyncio.sleep(0.02)
    assert [item["id"] for item in await items(user, "strategies")] == kept
    assert DONE not in running.log.read_text()
