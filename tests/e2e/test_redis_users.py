"""The running system under the users of its two Redis-protocol servers."""

import re
from itertools import cycle
from pathlib import Path
from typing import Literal

import httpx
import pytest
from redis.asyncio import Redis

from tests.e2e.journey import whole_journey
from tests.e2e.platform import Platform

pytestmark = pytest.mark.e2e

Server = Literal["bus", "cache"]

SERVICES: dict[Server, set[str]] = {
    "bus": {"gateway", "strategy", "backtest", "invalidator", "metrics"},
    "cache": {"gateway", "strategy", "backtest", "invalidator", "metrics"},
}


def operator(system: Platform, server: Server) -> Redis:
    """Return a client that may look at everything; its password is where the launcher keeps it."""
    folder = system.data_dir / server
    port = re.search(r"^port (\d+)$", (folder / "valkey.conf").read_text(), re.MULTILINE)
    assert port is not None
    password = (folder / "password").read_text().strip()
    return Redis(port=int(port[1]), username="operator", password=password, protocol=2, decode_responses=True)


async def test_every_service_is_itself_and_lacks_no_right(
    system: Platform, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """During a whole journey neither server refuses anything, and nobody is connected in another's name."""
    for server in SERVICES:
        async with operator(system, server) as redis:
            await redis.acl_log_reset()
    bars = tmp_path / "bars.csv"
    days = [f"2020-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    rows = [
        f"{day},{price},{price},{price},{price},1" for day, price in zip(days, cycle((9, 10, 11, 10)), strict=False)
    ]
    bars.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    await whole_journey(client, bars)
    assert (await client.get("/metrics")).status_code == 200
    for server, services in SERVICES.items():
        async with operator(system, server) as redis:
            assert [(entry["username"], entry["reason"], entry["object"]) for entry in await redis.acl_log()] == []
            assert {connected["user"] for connected in await redis.client_list()} == {*services, "operator"}
