"""Sees from outside which invalidations have been acknowledged: the place of the invalidator's group in the stream."""

import asyncio
import json
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.journal import Journal

STREAM, GROUP = "aurelius.events.strategy", "invalidator"
LOOK_SECONDS = 0.01


class Observer:
    """`applied` has by key the version that the invalidator has acknowledged last, for certain."""

    def __init__(self, bus: str, journal: Journal) -> None:
        self.applied: dict[str, int] = {}
        self._bus = bus
        self._journal = journal
        self._read = "0"
        self._ahead: list[tuple[int, dict[str, int]]] = []
        self._stopped = False

    async def run(self) -> None:
        """Look until told to stop: redis-py may lose the word of a cancellation."""
        while not self._stopped:
            try:
                async with Redis.from_url(self._bus, protocol=2, decode_responses=True, socket_timeout=5) as bus:
                    while not self._stopped:
                        await self._look(bus)
                        await asyncio.sleep(LOOK_SECONDS)
            except (RedisError, OSError):
                await asyncio.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True

    async def _look(self, bus: "Redis") -> None:
        # At once, so that nothing is delivered in between.
        async with bus.pipeline(transaction=True) as pipeline:
            pipeline.xinfo_groups(STREAM)
            pipeline.xpending(STREAM, GROUP)
            groups, pending = await pipeline.execute()
        now = time.monotonic()
        (group,) = (each for each in groups if each["name"] == GROUP)
        upto = _sequence(group["last-delivered-id"])
        if pending["pending"]:
            upto = _sequence(pending["min"]) - 1
        await self._read_on(bus)
        while self._ahead and self._ahead[0][0] <= upto:
            for key, version in self._ahead.pop(0)[1].items():
                self.applied[key] = version
                self._journal.write("applied", time=now, key=key, revision=version)

    async def _read_on(self, bus: "Redis") -> None:
        entries: Any = await bus.xrange(STREAM, min=f"({self._read}" if self._read != "0" else "-", count=1000)
        for entry, fields in entries:
            self._read = entry
            objects = json.loads(fields["data"]).get("objects", {})
            versions = {
                name.removeprefix("strategy:"): version
                for name, version in objects.items()
                if name.startswith("strategy:")
            }
            self._ahead.append((_sequence(entry), versions))


def _sequence(entry: str) -> int:
    return int(entry.partition("-")[0])
