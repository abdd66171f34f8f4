"""Waiting for a run to end: the workers' progress stream, read by every gateway, wakes those who wait."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from services.gateway.broadcast import hear
from shared.contracts.jobs import Progress
from shared.contracts.streams import PROGRESS

ENDED = frozenset({"succeeded", "failed", "cancelled"})


class ProgressFeed:
    """Hands out an event for each run that someone waits for. An entry that is lost costs the waiter one look more."""

    def __init__(self, broker: RedisBroker) -> None:
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self.subscriber: StreamBatchSubscriber = hear(broker, PROGRESS, b"progress", Progress, self._heard)

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

    def _heard(self, progress: Progress) -> None:
        if progress.status in ENDED:
            for event in self._waiting.get(progress.id, ()):
                event.set()
