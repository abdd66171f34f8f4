"""The main job, on real market data, through the real bus, end to end."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.journey import SMA_CROSS, User, backtested, registered, stored, uploaded

pytestmark = pytest.mark.e2e


async def test_a_backtest_of_real_bars_gives_the_reference_result(client: httpx.AsyncClient, aapl: Path) -> None:
    """SMA 10/20 on AAPL 2000-2013: 85 closed trades and the final value two independent libraries agree on.

    (Computed with backtesting.py 0.6.6, confirmed by vectorbt 1.2.0.)
    """
    user = await registered(client)
    dataset_id = await uploaded(user, aapl)
    strategy = await stored(user)
    run = (await backtested(user, strategy.json()["id"], dataset_id)).json()
    assert run["status"] == "succeeded"
    assert run["metrics"]["trades"] == 85
    assert run["metrics"]["final_value"] == pytest.approx(148_240.55951952402, rel=1e-9)
    assert run["metrics"]["max_drawdown"] == pytest.approx(-0.4780994910747772, rel=1e-9)

    equity = (await user.call("GET", f"/backtests/{run['id']}/equity", 200)).json()["items"]
    assert len(equity) == 3270
    assert equity[-1]["equity"] == run["metrics"]["final_value"]
    assert equity[0]["time"] == "2000-03-01T00:00:00Z"

    trades, cursor = [], ""
    while True:
        page = (await user.call("GET", f"/backtests/{run['id']}/trades?limit=40{cursor}", 200)).json()
        trades += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [trade["status"] for trade in trades] == ["closed"] * 85
    assert trades[0]["entry_price"] == pytest.approx(3.959835703857799, rel=1e-9)
    assert sum(trade["pnl"] for trade in trades) == pytest.approx(run["metrics"]["final_value"] - 10_000, rel=1e-9)

    listed = (await user.call("GET", "/backtests?sort=-final_value", 200)).json()["items"]
    assert [item["id"] for item in listed] == [run["id"]]


async def test_the_second_read_is_a_hit(client: httpx.AsyncClient) -> None:
    """Strategies and lists are served from the cache the second time, byte for byte the same."""
    user = await registered(client)
    strategy_id = (await stored(user)).json()["id"]
    for path in (f"/strategies/{strategy_id}", "/strategies", "/backtests"):
        first = await user.call("GET", path, 200)
        second = await eventually_hit(user, path)
        assert second.content == first.content


async def eventually_hit(user: User, path: str) -> httpx.Response:
    """Read until the answer is a hit: the fill after a miss is not waited for by the reader."""
    async with asyncio.timeout(5):
        while True:
            answer = await user.call("GET", path, 200)
            if answer.headers["cache-status"].endswith("hit"):
                return answer


async def test_a_read_with_the_token_always_shows_the_write(client: httpx.AsyncClient) -> None:
    """A hundred changes, each read at once with its token through entity and list, by readers that keep both cached."""
    user = await registered(client)
    strategy_id = (await stored(user)).json()["id"]
    stop = asyncio.Event()

    async def keep_cached() -> None:
        while not stop.is_set():
            await user.call("GET", f"/strategies/{strategy_id}", 200)
            await user.call("GET", "/strategies", 200)

    readers = [asyncio.create_task(keep_cached()) for _ in range(4)]
    try:
        for number in range(100):
            name = f"renamed {number}"
            patched = await user.call("PATCH", f"/strategies/{strategy_id}", 200, json={"name": name})
            token = {"Consistency-Token": patched.headers["consistency-token"]}
            one = await user.call("GET", f"/strategies/{strategy_id}", 200, headers=token)
            page = await user.call("GET", "/strategies", 200, headers=token)
            assert one.json()["name"] == name
            assert [item["name"] for item in page.json()["items"]] == [name]
    finally:
        stop.set()
        await asyncio.gather(*readers)


async def test_without_a_token_the_change_shows_once_its_event_is_applied(client: httpx.AsyncClient) -> None:
    """The invalidator purges what was cached: no reader waits for a time to live."""
    user = await registered(client)
    strategy_id = (await stored(user)).json()["id"]
    await eventually_hit(user, f"/strategies/{strategy_id}")
    await user.call("PATCH", f"/strategies/{strategy_id}", 200, json={"name": "new name"})
    async with asyncio.timeout(2):
        while (await user.call("GET", f"/strategies/{strategy_id}", 200)).json()["name"] != "new name":
            pass


async def test_a_deleted_strategy_is_gone_for_everyone_and_its_runs_stay(client: httpx.AsyncClient, aapl: Path) -> None:
    """After DELETE a read with the token is 404 although the strategy was cached; its backtest stays readable."""
    user = await registered(client)
    dataset_id = await uploaded(user, aapl)
    strategy_id = (await stored(user)).json()["id"]
    run = (await backtested(user, strategy_id, dataset_id)).json()
    await eventually_hit(user, f"/strategies/{strategy_id}")
    gone = await user.call("DELETE", f"/strategies/{strategy_id}", 204)
    token = {"Consistency-Token": gone.headers["consistency-token"]}
    await user.call("GET", f"/strategies/{strategy_id}", 404, headers=token)
    assert (await user.call("GET", f"/backtests/{run['id']}", 200)).json()["strategy_id"] == strategy_id


async def test_another_owners_things_are_not_found(client: httpx.AsyncClient, aapl: Path) -> None:
    """What one owner has cached is 404 for another, in every form."""
    owner, stranger = await registered(client), await registered(client)
    dataset_id = await uploaded(owner, aapl)
    strategy_id = (await stored(owner)).json()["id"]
    run_id = (await backtested(owner, strategy_id, dataset_id)).json()["id"]
    for path in (
        f"/strategies/{strategy_id}",
        f"/backtests/{run_id}",
        f"/backtests/{run_id}/equity",
        f"/backtests/{run_id}/trades",
        f"/datasets/{dataset_id}",
    ):
        await owner.call("GET", path, 200)
        await stranger.call("GET", path, 404)
    await stranger.call("PATCH", f"/strategies/{strategy_id}", 404, json={"name": "mine"})
    await stranger.call("DELETE", f"/strategies/{strategy_id}", 404)
    await stranger.call("POST", "/backtests", 404, json={"strategy_id": strategy_id, "dataset_id": dataset_id})
    assert (await stranger.call("GET", "/strategies", 200)).json() == {"items": [], "next_cursor": None}


async def test_a_bad_spec_is_refused_with_its_place(client: httpx.AsyncClient) -> None:
    """422 on create with line, column and what to write; 200 with `valid: false` on validate; nothing is stored."""
    user = await registered(client)
    spec = {**SMA_CROSS, "entry_long": "crossover(smaa(close, fast), s)"}
    refused = await user.call("POST", "/strategies", 422, json={"name": "bad", "spec": spec})
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["line"], error["column"]) == ("/spec/entry_long", 1, 11)
    assert "sma" in error["message"]
    report = (await user.call("POST", "/strategies/validate", 200, json={"spec": spec})).json()
    assert (report["valid"], report["errors"]) == (False, refused.json()["errors"])
    assert (await user.call("GET", "/strategies", 200)).json()["items"] == []


async def test_if_match_refuses_a_stale_change(client: httpx.AsyncClient) -> None:
    """Two writers with one tag: the first wins, the second is told, nothing is lost."""
    user = await registered(client)
    created = await stored(user)
    path, tag = f"/strategies/{created.json()['id']}", {"If-Match": created.headers["etag"]}
    await user.call("PATCH", path, 200, json={"name": "first"}, headers=tag)
    await user.call("PATCH", path, 412, json={"name": "second"}, headers=tag)
    assert (await user.call("GET", path, 200, headers={"Cache-Control": "no-cache"})).json()["name"] == "first"


async def test_the_metrics_text_is_clean(client: httpx.AsyncClient) -> None:
    """promtool accepts what Prometheus would scrape, and it counts the requests of this very test."""
    user = await registered(client)
    for _ in range(3):
        await user.call("GET", "/strategies", 200)
    route = 'route="/api/v1/strategies"'
    async with asyncio.timeout(15):
        while True:
            text = (await client.get("/metrics", headers={"Accept": "text/plain"})).text
            if any(route in line and "_count" in line for line in text.splitlines()):
                break
            await asyncio.sleep(0.1)
        # Read every five seconds; a server that was slow once is said to be away until the next time.
        while not (body := (await client.get("/metrics")).json())["cache"]["connected"]:
            await asyncio.sleep(0.1)
    assert body["request_count"] > 0
    assert 0 <= body["cache"]["hit_rate"] <= 100
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not installed")
    checked = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


async def test_the_documents_are_served_from_here(client: httpx.AsyncClient) -> None:
    """OpenAPI names every route with its problems, AsyncAPI the event streams, and /docs needs no other host."""
    api = (await client.get("/openapi.json")).json()
    create = api["paths"]["/api/v1/strategies"]["post"]
    assert create["responses"]["422"]["content"].keys() == {"application/problem+json"}
    events = (await client.get("/asyncapi.json")).json()
    assert events["channels"]["strategy"]["address"] == "aurelius.events.strategy"
    page = (await client.get("/docs")).text
    assert "http://" not in page
    assert "https://" not in page
