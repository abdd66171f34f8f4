"""The demo data that a first start makes."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.bars import SYMBOLS
from tests.e2e.journey import User
from tests.e2e.platform import ROOT, Platform, platform

pytestmark = pytest.mark.e2e

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


async def test_first_start_makes_it_once(tmp_path: Path) -> None:
    """After it is ready, in one go; what the user deletes then is not made again, neither now nor at the next start."""
    async with platform(tmp_path, {"DEMO": "1"}) as running, running.client() as client:
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
    async with platform(tmp_path, {"DEMO": "1"}) as running, running.client() as client:
        user = await demo_user(running, client)
        async with asyncio.timeout(20):
            while running.processes("deploy.demo"):
                await asyncio.sleep(0.02)
        assert [item["id"] for item in await items(user, "strategies")] == kept
        assert DONE not in running.log.read_text()


@pytest.mark.long
async def test_killed_half_way_it_is_completed_by_the_next_start(tmp_path: Path) -> None:
    """kill -9 of everything in the middle: nothing is missing after the next start, and nothing is there twice."""
    async with platform(tmp_path, {"DEMO": "1"}) as running, running.client() as client:
        (worker,) = running.processes("services.backtest.worker")
        worker.suspend()  # so that the first run is as far as it gets
        async with asyncio.timeout(MADE_WITHIN):
            while not await has_begun_to_run(running, client):
                await asyncio.sleep(0.05)
        worker.resume()  # to find that its parents are gone
        await running.kill()
    assert not (tmp_path / "data/demo/seeded").exists()
    async with platform(tmp_path, {"DEMO": "1"}) as running, running.client() as client:
        await running.until_logged(DONE, MADE_WITHIN)
        await assert_complete(await demo_user(running, client))


async def has_begun_to_run(running: Platform, client: httpx.AsyncClient) -> bool:
    """Whether the account has backtests already."""
    password = (running.data_dir / "demo/password").read_text()
    login = await client.post("/api/v1/auth/login", json={"email": EMAIL, "password": password})
    if login.status_code == 401:
        return False
    user = User(client, {"Authorization": f"Bearer {login.json()['access_token']}"})
    return await items(user, "backtests") != []


async def test_none_when_not_wanted(system: Platform, client: httpx.AsyncClient) -> None:
    """DEMO=0: no file, no account, no word about it."""
    assert not (system.data_dir / "demo").exists()
    assert "demo" not in system.log.read_text().lower().replace(str(system.data_dir).lower(), "")
    await User(client, {}).call(
        "POST", "/auth/register", 201, json={"email": EMAIL, "password": "nobody has this one", "name": "Me"}
    )
