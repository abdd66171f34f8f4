"""An administrator looks at the cache of the running system and has it forget, as far as each service may."""

from functools import partial
from typing import Any

import httpx
import pytest

from shared.runtime.tests.eventually import eventually
from tests.e2e.administrators import administrator
from tests.e2e.journey import User, registered, stored
from tests.e2e.platform import Platform

pytestmark = pytest.mark.e2e

FORGOTTEN = "aurelius-l2; fwd=uri-miss"


async def comes_from(user: User, path: str, *statuses: str) -> bool:
    """Whether an answer comes from one of these places."""
    return (await user.call("GET", path, 200)).headers["cache-status"] in statuses


async def kept(user: User, *paths: str) -> None:
    """Read until the cache answers, whichever level."""
    for path in paths:
        await eventually(partial(comes_from, user, path, "aurelius-l1; hit", "aurelius-l2; hit"))


async def test_what_an_administrator_has_forgotten_is_read_anew(system: Platform, client: httpx.AsyncClient) -> None:
    """One object, a type, all: by every level and by nothing that was not named; what is answered is the same."""
    admin, user = await administrator(system, client), await registered(client)
    strategy_id = (await stored(user)).json()["id"]
    one, listed, own = paths = f"/strategies/{strategy_id}", "/strategies", "/users/me"
    before = [(await user.call("GET", path, 200)).content for path in paths]
    for purge, forgotten in (
        (f"/strategy/{strategy_id}", [one]),
        ("/strategies", [listed]),
        ("/user", [own]),
        ("", [one, listed, own]),
    ):
        await kept(user, *paths)
        answer = await admin.call("DELETE", f"/admin/cache{purge}", 204)
        assert answer.headers["cache-control"] == "no-store"
        for path in paths:
            if path in forgotten:  # the feed tells the gateway, shortly after
                await eventually(partial(comes_from, user, path, FORGOTTEN))
            else:
                assert not await comes_from(user, path, FORGOTTEN), (purge, path)
    assert [(await user.call("GET", path, 200)).content for path in paths] == before


async def test_an_administrator_sees_the_cache_and_its_use(system: Platform, client: httpx.AsyncClient) -> None:
    """The server's figures, that both services have opened it, and what was read since, by type."""
    admin, user = await administrator(system, client), await registered(client)
    strategy_id = (await stored(user)).json()["id"]

    async def told() -> Any:
        return (await admin.call("GET", "/admin/cache", 200)).json()

    async def uses() -> int:
        return sum(each["hits"] + each["l1_hits"] for each in (await told())["types"] if each["type"] == "strategy")

    before = await uses()
    await kept(user, f"/strategies/{strategy_id}")

    async def has_grown() -> bool:
        return await uses() > before

    await eventually(has_grown, within=20)
    now = await told()
    assert (now["enabled"], now["connected"]) == (True, True)
    assert now["state"] == {"strategy": "open", "backtest": "open"}
    assert now["used_memory_bytes"] > 0
    assert now["total_keys"] > 0
    assert 0 < now["hit_rate"] <= 1


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("DELETE", "/strategies"), ("DELETE", "/strategy/x")]
)
async def test_nobody_else_may(client: httpx.AsyncClient, method: str, path: str) -> None:
    """Who is logged in is told so, who is not is asked to."""
    user = await registered(client)
    await user.call(method, f"/admin/cache{path}", 403)
    await User(client, {}).call(method, f"/admin/cache{path}", 401)
