"""What is read: an owner's strategies of 1 kB each, and a curve of 1.5 MB. The peer is given the same."""

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec

from bench.caching.account import Account
from bench.peers.monolith.database import SCHEMA
from cli.load.wire import WrongAnswer
from tests.e2e.journey import SMA_CROSS

STRATEGY_BYTES = 1000
BARS = 14_000
"""Hours; so many points make about 1.5 MB of JSON."""
AT_ONCE = 8

_COLUMNS = {
    "strategies": [
        *("id", "owner_id", "name", "description", "spec", "spec_hash"),
        *("version", "revision", "status", "created_at", "updated_at"),
    ],
    "equity_points": ["backtest_id", "time", "equity", "drawdown", "position"],
}


@dataclass(frozen=True, slots=True)
class Data:
    """The owner, the ids of the strategies from the newest to the oldest, and the run."""

    owner: Account
    strategy_ids: Sequence[str]
    backtest_id: str


async def made(client: httpx.AsyncClient, folder: Path, strategies: int) -> Data:
    """Make the data through the platform's own interface."""
    owner = await Account.register(client)
    await store_strategies(owner, strategies)
    dataset_id = await uploaded(owner, hourly_bars(folder / "hourly.csv", BARS))
    run = await backtested(owner, dataset_id)
    return Data(owner, [each["id"] for each in await _all_strategies(owner)], run)


async def store_strategies(owner: Account, number: int) -> None:
    """Store so many, of STRATEGY_BYTES each."""
    first = await owner.call("POST", "/strategies", 201, json=_strategy(0, ""))
    room = STRATEGY_BYTES - len(msgspec.json.encode(first))
    numbers = iter(range(1, number))

    async def store() -> None:
        for each in numbers:
            await owner.call("POST", "/strategies", 201, json=_strategy(each, ("What it does and why. " * 50)[:room]))

    await asyncio.gather(*(store() for _ in range(AT_ONCE)))


def _strategy(number: int, description: str) -> dict[str, object]:
    return {"name": f"SMA cross {number:05}", "description": description, "spec": SMA_CROSS}


def hourly_bars(file: Path, bars: int) -> Path:
    """Write a random walk, the same each time."""
    dice, price, moment = random.Random(6), 100.0, datetime(2020, 1, 1, tzinfo=UTC)
    lines = ["date,open,high,low,close,volume"]
    for _ in range(bars):
        opened, price = price, price * math.exp(dice.gauss(0, 0.004))
        high, low = max(opened, price) * 1.001, min(opened, price) * 0.999
        lines.append(
            f"{moment:%Y-%m-%dT%H:%M:%SZ},{opened:.4f},{high:.4f},{low:.4f},{price:.4f},{dice.randint(1, 9)}000"
        )
        moment += timedelta(hours=1)
    file.write_text("\n".join(lines))
    return file


async def uploaded(owner: Account, bars: Path) -> str:
    """Upload a file of hourly bars; return the dataset's id."""
    files = {"file": (bars.name, await asyncio.to_thread(bars.read_bytes), "text/csv")}
    return str((await owner.call("POST", "/datasets", 201, files=files, data={"interval": "1h"}))["id"])


async def backtested(owner: Account, dataset_id: str, fast: int = 10) -> str:
    """Run the SMA cross, and return the run's id when it has succeeded."""
    body = {"spec": SMA_CROSS, "dataset_id": dataset_id, "params": {"fast": fast}}
    run = await owner.call("POST", "/backtests", 200, json=body, headers={"Prefer": "wait=30"})
    if run["status"] != "succeeded":
        raise WrongAnswer(f"a run that everything is measured with is {run['status']}: {run['error']}")
    return str(run["id"])


async def copied(data: Data, database_url: str) -> None:
    """Give the peer's empty database the same rows."""
    curve = await data.owner.call("GET", f"/backtests/{data.backtest_id}/equity", 200)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(SCHEMA)
        strategies = [_row(each, "strategies") for each in await _all_strategies(data.owner)]
        await connection.copy_records_to_table("strategies", records=strategies, columns=_COLUMNS["strategies"])
        await connection.execute("INSERT INTO backtests VALUES ($1, $2)", data.backtest_id, data.owner.user_id)
        points = [_row({"backtest_id": data.backtest_id, **each}, "equity_points") for each in curve["items"]]
        await connection.copy_records_to_table("equity_points", records=points, columns=_COLUMNS["equity_points"])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _all_strategies(owner: Account) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await owner.call("GET", "/strategies", 200, params={"limit": "200", **cursor})
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def _row(values: dict[str, Any], table: str) -> tuple[object, ...]:
    """A JSON object as a row of the peer's."""
    return tuple(_column(name, values[name]) for name in _COLUMNS[table])


def _column(name: str, value: object) -> object:
    if name == "spec":
        return msgspec.json.encode(value).decode()
    if name == "time" or name.endswith("_at"):
        return datetime.fromisoformat(str(value))
    return value
