"""Reading streams through a consumer group: the handler is given batches, what it did is acknowledged."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.contracts.errors import ServiceError, Unavailable
from shared.runtime import context
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.unread import unread_entries
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.context import Handling

log = logging.getLogger(__name__)

RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
# An entry that its consumer has held for so long, while this one has nothing to do, is a dead consumer's.
ABANDONED_SECONDS = 2.0
LOOK_SECONDS = 0.5


class GroupConsumer:
    """Hands batches to `handler` and acknowledges them when it returns.

    A handler that raises is given the same batch again, with growing pauses, for as long as it takes: nothing is
    skipped, and what comes after waits, since order matters. An entry that no repeat could make right is for the
    handler to leave out. `delete` removes acknowledged entries from a stream that no other group reads.

    `reclaim` takes over what a consumer that died had been given. It comes out of order and may come twice, so that it
    is only for handlers to which neither matters.
    """

    def __init__(
        self,
        broker: RedisBroker,
        writer: StreamWriter,
        stream: str,
        group: str,
        consumer: str,
        handler: Callable[[list[Entry]], Awaitable[None]],
        *,
        delete: bool = False,
        max_records: int = 200,
    ) -> None:
        self._writer = writer
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._handler = handler
        self._delete = delete
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._left = False
        self.subscriber: StreamBatchSubscriber = subscribe(
            broker, stream, self._receive, group=group, consumer=consumer, max_records=max_records
        )

    async def reclaim(self) -> None:
        """Until cancelled look for abandoned entries, and handle them."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            # A batch of our own that waits for its handler is not abandoned, however long it takes.
            if not self._turn.locked():
                with contextlib.suppress(Unavailable):
                    await self._receive(await self._claim())

    async def _claim(self) -> list[Entry]:
        # By way of the writer, behind what it has still to acknowledge: or a batch just done would look abandoned.
        idle = int(ABANDONED_SECONDS * 1000)
        answer = await self._writer.submit(
            "XAUTOCLAIM", self._stream, self._group, self._consumer, idle, "0-0", "COUNT", 100
        )
        _, claimed, *_ = cast("tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]", answer)
        return [Entry(entry_id, fields) for entry_id, fields in claimed if fields]

    async def _receive(self, entries: list[Entry]) -> None:
        if entries:
            async with self._turn:
                await self._handle(entries)

    def stop(self) -> None:
        """Try nothing again: a batch that fails from now on stays pending, for another process to take over."""
        self._stopping.set()

    async def finish(self) -> None:
        """Handle what the stopped reader was given and has not seen. Raises Unavailable."""
        async with self._turn:
            if not self._left and (entries := await unread_entries(self._writer, self.subscriber)):
                await self._handle(entries)

    async def _handle(self, entries: list[Entry]) -> None:
        with context.during(Handling(method=self._stream, traceparent=_common_trace(entries))):
            if not await self._until_done(entries):
                self._left = True
                return
        ids = [entry.id for entry in entries]
        self._writer.post("XACK", self._stream, self._group, *ids)
        if self._delete:
            self._writer.post("XDEL", self._stream, *ids)

    async def _until_done(self, entries: list[Entry]) -> bool:
        attempt = 0
        while (failure := await self._try(entries)) is not None:
            if self._stopping.is_set():
                return False
            pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
            log.warning("%s: tried again in %g s: %s", self._stream, pause, failure)
            attempt += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
        return True

    async def _try(self, entries: list[Entry]) -> Exception | None:
        try:
            await self._handler(entries)
        except ServiceError as error:
            return error
        except Exception as error:
            # FastStream would drop it, and the batch with it, without a word.
            log.exception("%s: the handler failed", self._stream)
            return error
        return None


def _common_trace(entries: list[Entry]) -> str:
    """Return the trace context of a batch whose entries all came of one request."""
    traces = {entry.fields.get(b"traceparent", b"") for entry in entries}
    return traces.pop().decode(errors="replace") if len(traces) == 1 else ""
