"""Sweeps on real bars, through HTTP: from the request to the best rows, which are those of single backtests."""

import asyncio
import io
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from tests.e2e.journey import EXECUTION, User, registered, stored, uploaded

pytestmark = pytest.mark.e2e

GRID = {"fast": {"start": 2, "stop": 50, "step": 2}, "slow": {"start": 10, "stop": 200, "step": 10}}
ARROW = "application/vnd.apache.arrow.stream"


async def swept(user: User, strategy_id: str, dataset_id: str, **fields: Any) -> dict[str, Any]:
    """A sweep of the SMA cross, when it has ended."""
    body = {"strategy_id": strategy_id, "dataset_id": dataset_id, "grid": GRID, "execution": EXECUTION, **fields}
    answer = await user.call("POST", "/sweeps", 200, json=body, headers={"Prefer": "wait=30"})
    sweep: dict[str, Any] = answer.json()
    assert sweep["status"] == "succeeded", sweep
    return sweep


async def test_the_best_of_a_sweep_is_a_backtest_to_the_bit(client: httpx.AsyncClient, aapl: Path) -> None:
    """All its metrics and its digest are those of the run with these params; a repeated sweep has the same digest."""
    user = await registered(client)
    dataset_id = await uploaded(user, aapl)
    strategy_id = (await stored(user)).json()["id"]
    sweep = await swept(user, strategy_id, dataset_id)
    pairs = [(fast, slow) for fast in range(2, 51, 2) for slow in range(10, 201, 10) if fast < slow]
    assert (sweep["combinations"], sweep["done"], sweep["progress"]) == (len(pairs), len(pairs), 1.0)
    assert len(sweep["best"]) == 10
    best = sweep["best"][0]
    body = {"strategy_id": strategy_id, "dataset_id": dataset_id, "params": best["params"], "execution": EXECUTION}
    run = (await user.call("POST", "/backtests", 200, json=body, headers={"Prefer": "wait=30"})).json()
    assert best["metrics"] == run["metrics"]
    assert (best["result_digest"], best["warmup_bars"]) == (run["result_digest"], run["warmup_bars"])

    rows: list[dict[str, Any]] = []
    path = f"/api/v1/sweeps/{sweep['id']}/results?limit=200"
    while path:
        page = await user.call("GET", path.removeprefix("/api/v1"), 200)
        rows += page.json()["items"]
        path = page.headers["link"].partition(">")[0][1:] if "link" in page.headers else ""
    assert sorted((row["params"]["fast"], row["params"]["slow"]) for row in rows) == sorted(pairs)
    assert [row["number"] for row in rows[:10]] == [each["number"] for each in sweep["best"]]
    assert {name: run["metrics"][name] for name in rows[0]["metrics"]} == rows[0]["metrics"]

    file = await user.call("GET", f"/sweeps/{sweep['id']}/results", 200, headers={"Accept": ARROW})
    table = pa.ipc.open_stream(io.BytesIO(file.content)).read_all()
    by_number = {row["number"]: row for row in rows}
    for number, sharpe in zip(table["number"].to_pylist(), table["sharpe"].to_pylist(), strict=True):
        assert sharpe == by_number[number]["metrics"]["sharpe"]
    tag = {"If-None-Match": file.headers["etag"], "Accept": ARROW}
    await user.call("GET", f"/sweeps/{sweep['id']}/results", 304, headers=tag)

    again = await swept(user, strategy_id, dataset_id)
    assert (again["result_digest"], again["best"]) == (sweep["result_digest"], sweep["best"])
    listed = (await user.call("GET", f"/sweeps?strategy_id={strategy_id}&status=succeeded", 200)).json()["items"]
    assert [item["id"] for item in listed] == [again["id"], sweep["id"]]
    deleted = await user.call("DELETE", f"/sweeps/{sweep['id']}", 204)
    token = {"Consistency-Token": deleted.headers["consistency-token"]}
    await user.call("GET", f"/sweeps/{sweep['id']}", 404, headers=token)
    assert len((await user.call("GET", "/sweeps", 200, headers=token)).json()["items"]) == 1


async def test_a_large_sweep_shows_its_progress_and_can_be_cancelled(client: httpx.AsyncClient, aapl: Path) -> None:
    """Progress only grows, is never stale, and the cancelled sweep has no results."""
    user = await registered(client)
    dataset_id = await uploaded(user, aapl)
    grid = {
        "fast": {"min": 2, "max": 50},
        "slow": {"min": 5, "max": 200},
        "k": {"start": 0.9, "stop": 1.1, "step": 0.001},
    }
    spec = {
        "params": {
            "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
            "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
            "k": {"type": "float", "default": 1.0},
        },
        "entry_long": "crossover(sma(close, fast), sma(close, slow) * k)",
        "exit_long": "crossunder(sma(close, fast), sma(close, slow) * k)",
    }
    body = {"spec": spec, "dataset_id": dataset_id, "grid": grid}
    started = await user.call("POST", "/sweeps", 202, json=body)
    path = started.headers["location"].removeprefix("/api/v1")
    seen = [0.0]
    async with asyncio.timeout(30):
        while len(seen) < 3:
            now = (await user.call("GET", path, 200)).json()
            assert now["progress"] >= seen[-1]
            if now["progress"] > seen[-1]:
                assert (now["status"], 0 < now["done"] < now["combinations"]) == ("running", True)
                seen.append(now["progress"])
    cancelled = await user.call("POST", f"{path}/cancel", 200)
    token = {"Consistency-Token": cancelled.headers["consistency-token"]}
    assert (await user.call("GET", path, 200, headers=token)).json()["status"] == "cancelled"
    await user.call("GET", f"{path}/results", 409)


async def test_another_owners_sweep_is_not_found(client: httpx.AsyncClient, aapl: Path) -> None:
    """In every form; and a wrong value is refused with its place in the request."""
    owner, stranger = await registered(client), await registered(client)
    dataset_id = await uploaded(owner, aapl)
    strategy_id = (await stored(owner)).json()["id"]
    sweep = await swept(owner, strategy_id, dataset_id, grid={"fast": [5, 10]})
    for path in (
        f"/sweeps/{sweep['id']}",
        f"/sweeps/{sweep['id']}/results",
        f"/sweeps/{sweep['id']}/results?format=csv",
    ):
        await owner.call("GET", path, 200)
        await stranger.call("GET", path, 404)
    await stranger.call("POST", f"/sweeps/{sweep['id']}/cancel", 404)
    await stranger.call("DELETE", f"/sweeps/{sweep['id']}", 404)
    wrong = {"strategy_id": strategy_id, "dataset_id": dataset_id, "grid": {"fast": [5, 10, 99]}}
    refused = await owner.call("POST", "/sweeps", 422, json=wrong)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/grid/fast/2"]
