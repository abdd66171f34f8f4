"""Requests whose process died: done by another within their deadline, or given up when they are what ends processes."""

import asyncio
import logging
import time

from redis.asyncio import Redis

from shared.contracts.envelopes import RequestEnvelope
from shared.contracts.errors import GivenUp
from shared.runtime.bus import abandoned
from shared.runtime.bus.abandoned import Abandoned, Heirs, find_abandoned, look_for_ever, take_over
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.dead_letters import Count
from shared.runtime.bus.server import UNREADABLE, RequestServer

log = logging.getLogger(__name__)

# How long what is newly read may wait for those that are done alone, and they for what is under way.
HOLD_SECONDS = 1.0
IDLE_SECONDS = 0.5

_GIVEN_UP = "The request was given up: the service ended while it worked on it. It is kept for the operator"


class RequestReclaimer:
    """Takes over what other processes of the service left, one at a time and with nothing else in hand.

    A request that was alone when its process ended is given up: its caller is told at once, and not to repeat it, which
    would end the next process. So is one that was in the hands of MAX_DELIVERIES, or of two when its time was up.
    `count` is told of each that is taken over.
    """

    def __init__(self, client: Redis, server: RequestServer, count: Count) -> None:
        self._client = client
        self._server = server
        self._count = count
        self._heirs = Heirs(client, server.stream, server.group)

    async def run(self) -> None:
        """Look until cancelled."""
        await look_for_ever(self._client, self.look)

    async def look(self) -> None:
        """Take over what is abandoned now, for HOLD_SECONDS at most. Raises RedisError or OSError."""
        server = self._server
        if not server.subscriber.running:  # it starts, or it stops: what it took now might not be finished
            return
        await self._heirs.forget()
        rows = await find_abandoned(self._client, server.stream, server.group, server.in_hand)
        if not rows:
            return
        with server.holding_intake():
            alone = await server.is_idle(IDLE_SECONDS)
            until = asyncio.get_running_loop().time() + HOLD_SECONDS
            for row in rows:
                left = until - asyncio.get_running_loop().time()
                if left <= 0 or not server.subscriber.running:
                    return
                alone = await self._take(row, alone=alone, seconds=left)

    async def _take(self, row: Abandoned, *, alone: bool, seconds: float) -> bool:
        """Take one over, and say whether nothing is in hand afterwards."""
        server = self._server
        name = row.heir(server.consumer) if alone else server.consumer
        entry = await take_over(self._client, server.stream, server.group, name, row)
        if entry is None:
            return alone
        if alone:
            self._heirs.add(name)
        self._count(server.stream, "taken-over")
        if _is_poison(row, entry, server.consumer):
            await server.give_up(entry, row.verdict(), GivenUp(_GIVEN_UP))
            return alone
        server.in_hand.take(entry.id, name=name)
        task = await server.begin(entry)
        if not alone:
            return False
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:  # others come in beside it: should the process end now, it may not have been this one
            await server.in_hand.rename(entry.id)
        return bool(done)


def _is_poison(row: Abandoned, entry: Entry, consumer: str) -> bool:
    if row.deliveries >= abandoned.MAX_DELIVERIES:
        return True
    return not row.was_with(consumer) and (row.was_alone or (row.deliveries > 1 and _is_late(entry)))


def _is_late(entry: Entry) -> bool:
    try:
        return RequestEnvelope.from_entry(entry.fields).deadline <= time.time() * 1000
    except UNREADABLE:
        return False
