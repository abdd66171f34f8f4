"""Request and reply, the calling side: one reply stream for this process, one reader, a future for each request.

FastStream's own `request` opens a Pub/Sub connection for every call and waits out its time-out when a handler fails.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope
from shared.contracts.errors import DeadlineExceeded, NotFound, ServiceError, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import Request, answer_type
from shared.contracts.streams import reply_stream, rpc_stream
from shared.contracts.values import Principal
from shared.runtime import context
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.reading import begun_anew
from shared.runtime.bus.writer import StreamWriter, unavailable
from shared.runtime.tracing.bus_spans import asking, refused

if TYPE_CHECKING:  # who has no large answers needs no object store library, and who makes no traces none of theirs
    from shared.runtime.objects import Objects
    from shared.runtime.tracing.tracer import Tracer

log = logging.getLogger(__name__)

DEFAULT_DEADLINE = 5.0
MAX_IN_FLIGHT = 1000
"""Requests to one service at a time."""
KEEP_SECONDS = 60
TEND_SECONDS = 1.0

A = TypeVar("A")
Observer = Callable[[str, str, float], None]


class Reply(msgspec.Struct, frozen=True):
    """An answer as it came: JSON bytes, the versions of the cache objects it shows, the service's own seconds.

    Of those it held connections to its database for `database_seconds`, added up where it held several at once.
    `replayed` says that it was given before, to another request with the same Idempotency-Key.
    """

    body: bytes
    versions: dict[str, int]
    service_seconds: float
    replayed: bool = False
    database_seconds: float = 0.0


class Caller:
    """Asks services. `observe(method, outcome, seconds)` is told of every round trip; with a `tracer` it is a span."""

    def __init__(
        self,
        broker: RedisBroker,
        client: Redis,
        writer: StreamWriter,
        instance: str,
        *,
        objects: "Objects | None" = None,
        observe: Observer | None = None,
        tracer: "Tracer | None" = None,
    ) -> None:
        self.stream = reply_stream(instance)
        self._client = client
        self._writer = writer
        self._objects = objects
        self._observe = observe
        self._tracer = tracer
        self._waiting: dict[str, asyncio.Future[ReplyEnvelope]] = {}
        self._in_flight: Counter[str] = Counter()
        self._read = b"0"
        self._opened = False
        self._lost = False
        self.subscriber: StreamBatchSubscriber = subscribe(broker, self.stream, self._receive, last_id="0")

    async def call(
        self,
        message: Request[A],
        principal: Principal | None = None,
        *,
        seconds: float = DEFAULT_DEADLINE,
        idempotency_key: str = "",
    ) -> tuple[A, Reply]:
        """Ask and decode the answer. Raises what `ask` raises."""
        reply = await self.ask(message, principal, seconds=seconds, idempotency_key=idempotency_key)
        return msgspec.json.decode(reply.body, type=answer_type(type(message))), reply

    async def ask(
        self,
        message: Request[A],
        principal: Principal | None = None,
        *,
        seconds: float = DEFAULT_DEADLINE,
        idempotency_key: str = "",
        service: str = "",
    ) -> Reply:
        """Ask and return the answer's bytes; `service` is asked in place of the message's own.

        The request carries the ids of what this task is handling. Raises DeadlineExceeded after `seconds`, Unavailable
        when the bus is away, too much is in flight or this process has not started, and the service's own ServiceError.
        """
        service = service or message.SERVICE
        self._admit(service, seconds)
        handling = context.current()
        request_id, span = new_id(), None
        if self._tracer is not None and handling.traceparent:
            span = asking(self._tracer, rpc_stream(service), message.METHOD, request_id, handling)
        request = RequestEnvelope(
            id=request_id,
            method=message.METHOD,
            deadline=int((time.time() + seconds) * 1000),
            reply_to=self.stream,
            principal=principal,
            traceparent=handling.traceparent if span is None else span.traceparent,
            tracestate=handling.tracestate,
            idempotency_key=idempotency_key,
            body=msgspec.json.encode(message),
            request_id=handling.request_id,
        )
        started = time.perf_counter()
        outcome = "error"
        try:
            reply = await self._round_trip(service, request, seconds)
            if reply.error is not None:
                raise reply.error.to_exception()
            outcome = "ok"
        except ServiceError as error:
            if span is not None:
                refused(span, error)
            raise
        finally:
            if span is not None:
                span.end()
            if self._observe is not None:
                self._observe(message.METHOD, outcome, time.perf_counter() - started)
        return Reply(
            reply.body, reply.versions, reply.elapsed_us / 1e6, reply.replayed, database_seconds=reply.database_us / 1e6
        )

    def _admit(self, service: str, seconds: float) -> None:
        """Raise what would be the answer anyway, or only come later."""
        if not self._opened:
            raise Unavailable("This process is only starting")
        if seconds <= 0:  # what is left of a request that this one is for
            raise DeadlineExceeded(f"There was no time left to ask the {service} service")
        if self._in_flight[service] >= MAX_IN_FLIGHT:
            raise Unavailable("Too many requests are in flight")
        if self._writer.silent:
            raise Unavailable("The message bus does not answer")

    async def _round_trip(self, service: str, request: RequestEnvelope, seconds: float) -> ReplyEnvelope:
        fields = [part for pair in request.to_entry().items() for part in pair]
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + seconds
        future: asyncio.Future[ReplyEnvelope] = loop.create_future()
        # One of the loop's own timers costs a fraction of a time-out around the wait.
        giving_up = loop.call_at(give_up_at, _fail, future, TimeoutError())
        self._waiting[request.id] = future
        self._in_flight[service] += 1
        try:
            self._writer.send(("XADD", rpc_stream(service), "*", *fields), partial(_sent, future))
            reply = await future
            if not reply.object_key:
                return reply
            async with asyncio.timeout_at(give_up_at):
                return msgspec.structs.replace(reply, body=await self._fetch(reply.object_key))
        except TimeoutError as error:
            raise DeadlineExceeded(f"The {service} service did not answer within {seconds:g} s") from error
        finally:
            giving_up.cancel()
            del self._waiting[request.id]
            self._in_flight[service] -= 1

    async def _receive(self, entries: list[Entry]) -> None:
        self._read = entries[-1].id
        for entry in entries:
            try:
                reply = ReplyEnvelope.from_entry(entry.fields)
            except (KeyError, ValueError, msgspec.MsgspecError):
                continue  # the entry that made the stream, or nothing this version knows
            future = self._waiting.get(reply.id)
            if future is not None and not future.done():
                future.set_result(reply)
        await asyncio.sleep(0)  # who waited goes on first, then FastStream prepares the next read

    async def _fetch(self, key: str) -> bytes:
        if self._objects is None:
            raise Unavailable("The answer waits in the object store, which this process does not use")
        try:
            body = await self._objects.get(key)
        except NotFound as error:
            raise Unavailable("The answer is no longer in the object store") from error
        with contextlib.suppress(Unavailable):  # what is left behind is no reason to fail
            await self._objects.delete(key)
        return body

    async def open(self) -> None:
        """Create the reply stream; services write to it only while it exists."""
        self._read = b"0"
        pipeline = self._client.pipeline(transaction=True)
        pipeline.xadd(self.stream, {"opened": "1"}, maxlen=1)
        pipeline.expire(self.stream, KEEP_SECONDS)
        await pipeline.execute()
        self._opened = True

    async def check(self) -> None:
        """Pass when replies can be heard. Raises Unavailable."""
        if self._lost:
            raise Unavailable(f"the reply stream {self.stream} is gone")

    async def tend(self) -> None:
        """Until cancelled keep the reply stream alive and short, and make it again when the bus lost it."""
        while True:
            await asyncio.sleep(TEND_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                self._lost = not await self._client.expire(self.stream, KEEP_SECONDS)
                if self._lost:
                    log.warning("the reply stream is gone and is made again")
                    await self.open()
                    self._lost = False
                # Nobody else reads it: what has been read is of no more use, and may be large.
                if await begun_anew(self._client, self.stream, self._read):
                    self._read = b"0"
                await self._client.xtrim(self.stream, minid=self._read, approximate=False)

    async def close(self) -> None:
        """Remove the reply stream."""
        with contextlib.suppress(RedisError, OSError):
            await self._client.delete(self.stream)


def _sent(future: asyncio.Future[ReplyEnvelope], answer: object) -> None:
    if isinstance(answer, Exception):
        _fail(future, unavailable(answer))


def _fail(future: asyncio.Future[ReplyEnvelope], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
