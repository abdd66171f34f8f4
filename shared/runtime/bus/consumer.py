"""Reading streams through a consumer group: the handler is given batches, what it did is acknowledged."""

import asyncio
import contextlib
import hashlib
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.bus_messages import Delivery
from shared.contracts.errors import Conflict, DeadlineExceeded, ServiceError, Unavailable
from shared.runtime import context
from shared.runtime.bus import abandoned
from shared.runtime.bus.abandoned import Heirs, find_abandoned, look_for_ever, take_over
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.dead_letters import Count, DeadLetters, Verdict
from shared.runtime.bus.in_hand import InHand
from shared.runtime.bus.unread import unread_entries
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.context import Handling
from shared.runtime.tracing.bus_spans import consuming, traceparents

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Span, Tracer

log = logging.getLogger(__name__)

RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
MAX_TRIES = 3
# What the handler needs is away: the entry is not to blame, and to skip it would lose what it says.
_DEPENDENCY = (Unavailable, DeadlineExceeded, RedisError, OSError)


class Refused(msgspec.Struct, frozen=True):
    """An entry that its handler cannot read, so that no repeat could make it right, and why."""

    entry: Entry
    reason: str


Handler = Callable[[list[Entry]], Awaitable[Sequence[Refused] | None]]


class _Failed(Exception):
    """The handler failed on these entries as often as it may."""

    def __init__(self, tries: list[Delivery], error: Exception) -> None:
        super().__init__(str(error))
        self.verdict = Verdict(
            reason="failed",
            error=_named(error),
            deliveries=len(tries),
            history=tries,
            traceback=_digest(error),
        )


class _Stopping(Exception):
    """The process stops: what is not done stays pending, for another."""


class GroupConsumer:
    """Hands batches to `handler` and acknowledges them when it returns. What comes after waits, since order matters.

    A handler that raises Unavailable, or a library's error of connection, is given the same batch again, with growing
    pauses, for as long as it takes: nothing is skipped. One that raises anything else is given the batch's entries one
    by one; the entry on which it fails MAX_TRIES times is put aside among the dead letters, as are those that it
    answers as `Refused`. `delete` removes what is done from a stream that no other group reads.

    `reclaim` takes over what a consumer that died had been given, one entry at a time. It comes late, out of order, and
    may come twice, so that it is only for handlers to which neither matters. An entry with which
    `abandoned.MAX_DELIVERIES` processes ended, the last with nothing else in its hands, is put aside.
    """

    def __init__(
        self,
        broker: RedisBroker,
        client: Redis,
        writer: StreamWriter,
        stream: str,
        group: str,
        consumer: str,
        handler: Handler,
        *,
        delete: bool = False,
        max_records: int = 200,
        count_dead: Count = lambda *_: None,
        count_taken_over: Count = lambda *_: None,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._client = client
        self._writer = writer
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._handler = handler
        self._delete = delete
        self._count_taken_over = count_taken_over
        self._tracer = tracer
        self._spans: dict[str, Span] = {}
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._left = False
        self._heirs = Heirs(client, stream, group)
        self.in_hand = InHand(client, stream, group, consumer)
        self.letters = DeadLetters(client, stream, group, delete=delete, count=count_dead)
        self.subscriber: StreamBatchSubscriber = subscribe(
            broker, stream, self._receive, group=group, consumer=consumer, max_records=max_records
        )

    async def reclaim(self) -> None:
        """Until cancelled look for abandoned entries, and handle them."""
        await look_for_ever(self._client, self._take_over)

    async def _take_over(self) -> None:
        await self._heirs.forget()
        for row in await find_abandoned(self._client, self._stream, self._group, self.in_hand):
            async with self._turn:
                if self._stopping.is_set():
                    return
                heir = row.heir(self._consumer)
                entry = await take_over(self._client, self._stream, self._group, heir, row)
                if entry is None:
                    continue
                self._heirs.add(heir)
                self.in_hand.take(entry.id, name=heir)
                self._count_taken_over(self._stream, "taken-over")
                if row.was_alone and row.deliveries >= abandoned.MAX_DELIVERIES:
                    await self._put_aside(entry, row.verdict())
                else:
                    await self._handle([entry])

    async def _receive(self, entries: list[Entry]) -> None:
        self.in_hand.take(*(entry.id for entry in entries))
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
        await self.in_hand.hand_back()

    async def replay(self, entry: Entry, seconds: float) -> tuple[str, str]:
        """Have the handler do one entry, within `seconds`; returns `ok` and nothing to say of it.

        Raises Conflict when it fails on it again, Unavailable or DeadlineExceeded when it could not be done now.
        """
        try:
            async with asyncio.timeout(seconds), self._turn:
                refused = await self._handler([entry])
        except (Unavailable, DeadlineExceeded):
            raise
        except TimeoutError as error:
            raise DeadlineExceeded(f"It was not done within {seconds:g} s") from error
        except Exception as error:
            log.exception("the replay failed")
            raise Conflict(f"It failed again, with {type(error).__name__}; the service's log tells more") from error
        if refused:
            raise Conflict(f"It still cannot be read: {refused[0].reason}")
        return "ok", ""

    async def _handle(self, entries: list[Entry]) -> None:
        trace = _common_trace(entries)
        if self._tracer is not None:
            self._spans = consuming(self._tracer, self._stream, self._group, entries)
            trace = self._spans[trace].traceparent if trace in self._spans else trace
        with context.during(Handling(method=self._stream, traceparent=trace)):
            try:
                await self._handle_in_order(entries)
            except _Stopping:
                self._left = True
            finally:
                for span in self._spans.values():
                    span.end()
                self._spans = {}

    async def _handle_in_order(self, entries: list[Entry]) -> None:
        try:
            refused = await self._until_done(entries, tries=1 if len(entries) > 1 else MAX_TRIES)
        except _Failed as failed:
            if len(entries) == 1:
                await self._put_aside(entries[0], failed.verdict)
                return
            for entry in entries:
                await self._handle_in_order([entry])
            return
        for item in refused:
            await self._put_aside(item.entry, Verdict(reason="malformed", error=item.reason))
        put_aside = {item.entry.id for item in refused}
        self._acknowledge(*(entry.id for entry in entries if entry.id not in put_aside))

    def _acknowledge(self, *ids: bytes) -> None:
        self.in_hand.let_go(*ids)
        if ids:
            self._writer.post("XACK", self._stream, self._group, *ids)
            if self._delete:
                self._writer.post("XDEL", self._stream, *ids)

    async def _put_aside(self, entry: Entry, verdict: Verdict) -> None:
        if self._spans and (span := self._spans.get(traceparents([entry])[0])) is not None:
            span.fail(verdict.reason)
        attempt = 0
        while True:
            try:
                await self.letters.put(entry, verdict)
            except (RedisError, OSError) as error:
                await self._pause(attempt, error)
                attempt += 1
            else:
                self.in_hand.let_go(entry.id)
                return

    async def _until_done(self, entries: list[Entry], *, tries: int) -> Sequence[Refused]:
        """Return what the handler refused. Raises _Failed, _Stopping."""
        attempt = 0
        failures: list[Delivery] = []
        while True:
            try:
                return await self._handler(entries) or ()
            except _DEPENDENCY as error:
                failure: Exception = error
            except Exception as error:
                # FastStream would drop it, and the batch with it, without a word.
                log.log(
                    logging.WARNING if isinstance(error, ServiceError) else logging.ERROR,
                    "%s: the handler failed",
                    self._stream,
                    exc_info=None if isinstance(error, ServiceError) else error,
                )
                failure = error
                failures.append(Delivery(consumer=self._consumer, at=datetime.now(UTC), error=_named(error)))
            # It has come back from its handler, so that it is not what ends processes.
            with contextlib.suppress(RedisError, OSError):
                await self.in_hand.absolve()
            if len(failures) >= tries:
                raise _Failed(failures, failure)
            await self._pause(attempt, failure)
            attempt += 1

    async def _pause(self, attempt: int, failure: Exception) -> None:
        """Wait before the next attempt. Raises _Stopping."""
        if self._stopping.is_set():
            raise _Stopping
        pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
        log.warning("%s: tried again in %g s: %s", self._stream, pause, failure)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._stopping.wait()


def _named(error: Exception) -> str:
    text = error.detail if isinstance(error, ServiceError) else repr(error)
    return text[:500]


def _digest(error: Exception) -> str:
    """Return the same for the same failure at the same place, to count and to look up by."""
    text = "".join(traceback.format_exception(error))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _common_trace(entries: list[Entry]) -> str:
    """Return the trace context of a batch whose entries all came of one request."""
    traces = set(traceparents(entries))
    return traces.pop() if len(traces) == 1 else ""
