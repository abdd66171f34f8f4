"""Sees from outside which invalidations have been acknowledged: the place of the invalidator's group in the streams."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.consistency.checker.history import GONE, kind_of
from tests.faults.journal import Journal

STREAMS, GROUP = ("aurelius.events.strategy", "aurelius.events.backtest"), "invalidator"
KINDS = frozenset({"strategy", "backtest", "sweep", "dataset", "user"})
"""Those of which one object is one key, at the same versions."""
DELETED = ".deleted.v1"
LOOK_SECONDS = 0.01


@dataclass
class _Place:
    """How far one stream has been read, and what was read there and is not acknowledged, by its number."""

    read: str = "0"
    ahead: list[tuple[int, dict[str, int]]] = field(default_factory=list)


class Observer:
    """`applied` has by object the version that the invalidator has acknowledged last, for certain."""

    def __init__(self, bus: str, journal: Journal) -> None:
        self.applied: dict[str, int] = {}
        self._bus = bus
        self._journal = journal
        self._places = {stream: _Place() for stream in STREAMS}
        self._stopped = False

    async def run(self) -> None:
        """Look until told to stop: redis-py may lose the word of a cancellation."""
        while not self._stopped:
            try:
                async with Redis.from_url(self._bus, protocol=2, decode_responses=True, socket_timeout=5) as bus:
                    while not self._stopped:
                        for stream, place in self._places.items():
                            await self._look(bus, stream, place)
                        await asyncio.sleep(LOOK_SECONDS)
            except (RedisError, OSError):
                await asyncio.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True

    async def _look(self, bus: "Redis", stream: str, place: _Place) -> None:
        # At once, so that nothing is delivered in between.
        async with bus.pipeline(transaction=True) as pipeline:
            pipeline.xinfo_groups(stream)
            pipeline.xpending(stream, GROUP)
            groups, pending = await pipeline.execute()
        now = time.monotonic()
        (group,) = (each for each in groups if each["name"] == GROUP)
        upto = _sequence(group["last-delivered-id"])
        if pending["pending"]:
            upto = _sequence(pending["min"]) - 1
        entries: Any = await bus.xrange(stream, min=f"({place.read}" if place.read != "0" else "-", count=1000)
        for entry, fields in entries:
            place.read = entry
            place.ahead.append((_sequence(entry), _versions(fields)))
        while place.ahead and place.ahead[0][0] <= upto:
            for key, version in place.ahead.pop(0)[1].items():
                self.applied[key] = version
                self._journal.write("applied", time=now, key=key, revision=version)


def _versions(fields: Mapping[str, str]) -> dict[str, int]:
    """The versions that an event brought its objects to; what is deleted is so for ever."""
    objects: dict[str, int] = json.loads(fields["data"]).get("objects", {})
    versions = {key: version for key, version in objects.items() if kind_of(key) in KINDS}
    if fields["type"].endswith(DELETED) and fields["subject"] in versions:
        versions[fields["subject"]] = GONE
    return versions


def _sequence(entry: str) -> int:
    return int(entry.partition("-")[0])
