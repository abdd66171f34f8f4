"""Waiting for a run to end: the workers' progress stream, read by every gateway, wakes those who wait."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.contracts.jobs import Progress
from shared.contracts.streams import PROGRESS
from shared.runtime.bus.connection import Entry, subscribe

ENDED = frozenset({"succeeded", "failed", "cancelled"})

_PROGRESS = msgspec.json.Decoder(Progress)


class ProgressFeed:
    """Hands out an event for each run that someone waits for. An entry that is lost costs the waiter one look more."""

    def __init__(self, broker: RedisBroker) -> None:
        self._waiting: dict[str, list[asyncio.Event]] = {}
        # From the beginning: with "$" an entry that comes between two reads would be lost.
        self.subscriber: StreamBatchSubscriber = subscribe(broker, PROGRESS, self._receive, last_id="0")

    @contextmanager
    def ended(self, run_id: str) -> Iterator[asyncio.Event]:
        """Lend an event that is set when the run ends. Look at the run once after entering: it may have ended."""
        event = asyncio.Event()
        self._waiting.setdefault(run_id, []).append(event)
        try:
            yield event
        finally:
            self._waiting[run_id].remove(event)
            if not self._waiting[run_id]:
                del self._waiting[run_id]

    async def _receive(self, entries: list[Entry]) -> None:
        for entry in entries:
            try:
                progress = _PROGRESS.decode(entry.fields.get(b"progress", b""))
            except msgspec.MsgspecError:
                continue  # written by a version this one does not know
            if progress.status in ENDED:
                for event in self._waiting.get(progress.id, ()):
                    event.set()
