"""Servers that are there already, and what an outside consumer sees."""

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.databases import fresh_database
from tests.e2e.journey import registered, stored, whole_journey
from tests.e2e.platform import Platform, platform

pytestmark = pytest.mark.e2e


async def test_external_servers_replace_the_embedded_ones(
    tmp_path: Path, aapl: Path, postgres_url: str, bus_url: str, cache_url: str
) -> None:
    """With DATABASE_URL, BUS_URL and REDIS_URL the platform starts no server of its own, and the journey works."""
    async with fresh_database(postgres_url) as database_url:
        servers = {"DATABASE_URL": database_url, "BUS_URL": bus_url, "REDIS_URL": cache_url}
        async with platform(tmp_path, servers) as running, running.client() as client:
            assert running.processes("valkey-server") + running.processes("bin/postgres") == []
            run = await whole_journey(client, aapl)
            assert run["metrics"]["trades"] == 85


async def test_an_outside_consumer_reads_every_change_once_and_in_order(system: Platform) -> None:
    """A plain redis-py consumer group sees a strategy's life as CloudEvents with dense, ordered ids."""
    async with system.client() as client, Redis.from_url(system.bus_url(), protocol=2) as bus:
        stream = "aurelius.events.strategy"
        await bus.xgroup_create(stream, "outside", id="$")
        user = await registered(client)
        strategy_id = (await stored(user)).json()["id"]
        for name in ("a", "b"):
            await user.call("PATCH", f"/strategies/{strategy_id}", 200, json={"name": name})
        await user.call("DELETE", f"/strategies/{strategy_id}", 204)
        entries: list[tuple[bytes, dict[bytes, bytes]]] = []
        while not any(b"strategy.deleted" in fields[b"type"] for _, fields in entries):
            answer: Any = await bus.xreadgroup("outside", "c1", {stream: ">"}, block=5000)
            entries += answer[0][1]
        life = [fields for _, fields in entries if fields[b"subject"] == f"strategy:{strategy_id}".encode()]
        assert [fields[b"type"].decode().split(".")[2] for fields in life] == [
            "created",
            "updated",
            "updated",
            "deleted",
        ]
        sequences = [int(entry_id.split(b"-")[0]) for entry_id, _ in entries]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        assert all(entry_id == fields[b"sequence"] + b"-0" for entry_id, fields in entries)
        assert len({fields[b"id"] for _, fields in entries}) == len(entries)
        await bus.xgroup_destroy(stream, "outside")
