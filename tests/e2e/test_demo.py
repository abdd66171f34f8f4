"""The demo data that a first start makes; that a start makes them once is in test_many_starts.py."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.e2e.demo import DONE, EMAIL, MADE_WITHIN, assert_complete, demo_user, items
from tests.e2e.journey import User
from tests.e2e.platform import Platform, platform

pytestmark = pytest.mark.e2e


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
