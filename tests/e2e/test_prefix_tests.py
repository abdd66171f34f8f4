"""The prefix test of each version of a strategy, through HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.e2e.journey import SMA_CROSS, User, registered, stored

pytestmark = pytest.mark.e2e


async def outcome(user: User, strategy_id: str, query: str = "") -> dict[str, Any]:
    """The test once it has ended."""
    async with asyncio.timeout(20):
        while True:
            test: dict[str, Any] = (await user.call("GET", f"/strategies/{strategy_id}/prefix-test{query}", 200)).json()
            if test["status"] != "queued":
                return test
            await asyncio.sleep(0.01)


async def test_each_version_of_a_strategy_is_tested_and_a_spec_once(client: httpx.AsyncClient) -> None:
    """Storing it is enough, and so is changing its spec; what one account has found is not another's."""
    user, other = await registered(client), await registered(client)
    strategy = (await stored(user)).json()
    first = await outcome(user, strategy["id"])
    assert (first["status"], first["failure"], first["error"]) == ("held", None, None)
    assert (first["strategy_version"], first["spec_hash"]) == (1, strategy["spec_hash"])
    assert (first["combinations"], first["cuts"]) == (4, 48)
    assert first["finished_at"] >= first["created_at"]

    spec = {**SMA_CROSS, "stop_loss": "2 * atr(14) / close"}
    await user.call("PATCH", f"/strategies/{strategy['id']}", 200, json={"spec": spec})
    second = await outcome(user, strategy["id"])
    assert (second["status"], second["strategy_version"]) == ("held", 2)
    assert second["spec_hash"] != first["spec_hash"]
    assert await outcome(user, strategy["id"], "?version=1") == first

    same = (await stored(user)).json()["id"]
    found = (await user.call("GET", f"/strategies/{same}/prefix-test", 200)).json()
    assert found == {**first, "strategy_id": same}
    theirs = await outcome(other, (await stored(other)).json()["id"])
    assert theirs["created_at"] > first["created_at"]
    await other.call("GET", f"/strategies/{strategy['id']}/prefix-test", 404)
    await user.call("GET", f"/strategies/{strategy['id']}/prefix-test?version=3", 404)
