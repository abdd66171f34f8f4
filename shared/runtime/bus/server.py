"""Request and reply, the answering side: batches in, a task each, replies and acknowledgements in one pipeline."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope
from shared.contracts.errors import ErrorBody, InputError, Malformed, ServiceError, Unauthenticated, Unavailable
from shared.contracts.messages import Request
from shared.contracts.streams import rpc_stream
from shared.contracts.values import Principal
from shared.runtime import context
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.unread import unread_entries
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.context import Handling
from shared.runtime.logs import because

if TYPE_CHECKING:  # a service without large answers needs no object store library
    from shared.runtime.objects import Objects

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 256
MAX_REPLY_BYTES = 256 * 1024
REPLIES_KEPT = 10_000
# Above any deadline: a request that a process has held for so long, and not answered, nobody waits for.
LOST_SECONDS = 120.0
LOOK_SECONDS = 30.0

A = TypeVar("A")
R = TypeVar("R", bound="Request[object]")


class Call(msgspec.Struct, frozen=True):
    """What a handler knows of the request besides its message. `deadline` is Unix seconds.

    `record_as` is under what a write records its answer; see `once.recorded`.
    """

    id: str
    principal: Principal | None
    deadline: float
    traceparent: str
    idempotency_key: str
    record_as: str = ""

    @property
    def user(self) -> Principal:
        """The caller. Raises Unauthenticated when nobody is named."""
        if self.principal is None:
            raise Unauthenticated("This needs a logged-in user")
        return self.principal

    @property
    def seconds_left(self) -> float:
        """Seconds until the caller gives up."""
        return self.deadline - time.time()


class Answer(msgspec.Struct, frozen=True):
    """A handler's answer: a value (bytes are taken as JSON made already), and the versions it shows or raised.

    `replayed` says that it was given before, to another request with the same Idempotency-Key.
    """

    value: object
    versions: dict[str, int] = {}
    replayed: bool = False


class Observer(Protocol):
    """Told of every request served."""

    def __call__(self, method: str, outcome: str, seconds: float) -> None:
        """Count one request."""
        ...


HandlerOf = Callable[[R, Call], Awaitable[Answer]]


class RequestServer:
    """Answers the requests of one service. A slow request holds back none of its neighbours, within MAX_IN_FLIGHT."""

    def __init__(
        self,
        broker: RedisBroker,
        client: Redis,
        writer: StreamWriter,
        service: str,
        instance: str,
        *,
        objects: "Objects | None" = None,
        observe: Observer | None = None,
    ) -> None:
        self._client = client
        self._writer = writer
        self._objects = objects
        self._observe = observe
        self._group = service
        self._consumer = instance
        self._stream = rpc_stream(service)
        self._handlers: dict[str, tuple[msgspec.json.Decoder[Request[object]], HandlerOf[Request[object]]]] = {}
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()
        self.subscriber: StreamBatchSubscriber = subscribe(
            broker, self._stream, self._receive, group=service, consumer=instance
        )

    def handle(self, message: type[R], handler: HandlerOf[R]) -> None:
        """Answer requests of this type with `handler`."""
        self._handlers[message.METHOD] = (msgspec.json.Decoder(message), handler)  # type: ignore[assignment]

    async def _receive(self, entries: list[Entry]) -> None:
        for entry in entries:
            await self._slots.acquire()
            task = asyncio.create_task(self._serve(entry))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Answer what was taken, and what the stopped reader was given and has not seen, within `seconds`.

        While the bus is away, what was not seen is left to another process.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._answered()
                with contextlib.suppress(Unavailable):
                    await self._receive(await unread_entries(self._writer, self.subscriber))
                await self._answered()
        except TimeoutError:
            log.warning("%d requests were not answered before the stop", len(self._tasks))

    async def _answered(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def put_lost_away(self) -> None:
        """Until cancelled take off the bus what processes had been given when they died: too late to be answered."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                lost = await self._client.xautoclaim(
                    self._stream,
                    self._group,
                    self._consumer,
                    min_idle_time=int(LOST_SECONDS * 1000),
                    count=100,
                    justid=True,
                )
                if lost:
                    log.warning("%d requests were lost with the process that had taken them", len(lost))
                    self._put_away(*lost)

    def _put_away(self, *ids: bytes) -> None:
        # One group reads this stream, so that an acknowledged entry is of no more use to anyone.
        self._writer.post("XACK", self._stream, self._group, *ids)
        self._writer.post("XDEL", self._stream, *ids)

    async def _serve(self, entry: Entry) -> None:
        try:
            try:
                request = RequestEnvelope.from_entry(entry.fields)
            except (KeyError, ValueError, msgspec.MsgspecError) as error:
                log.error("%s: %s is no request: %r", self._stream, entry.id, error)  # noqa: TRY400  # no traceback needed
            else:
                if request.deadline > time.time() * 1000:
                    await self._answer(request)
            self._put_away(entry.id)
        finally:
            self._slots.release()

    async def _answer(self, request: RequestEnvelope) -> None:
        """Reply, whatever happens: a caller that hears nothing waits out its deadline."""
        started = time.perf_counter()
        outcome = "ok"
        # In a task of its own, so that it ends with the request.
        context.begin(Handling(request.request_id or request.id, request.traceparent, request.method))
        try:
            reply = await self._made_reply(request.id, await self._run(request))
        except ServiceError as error:
            outcome = error.kind
            reply = ReplyEnvelope(id=request.id, error=ErrorBody.of(error))
            if error.status >= 500:
                log.warning("refused: %s%s", error.detail, because(error))
        except Exception:
            log.exception("failed")
            outcome = ServiceError.kind
            reply = ReplyEnvelope(id=request.id, error=ErrorBody.of(ServiceError("Something went wrong on our side")))
        elapsed = time.perf_counter() - started
        log.debug("answered %s after %.1f ms", outcome, elapsed * 1000)
        if self._observe is not None:
            self._observe(request.method, outcome, elapsed)
        entry = msgspec.structs.replace(reply, elapsed_us=int(elapsed * 1e6)).to_entry()
        fields = [part for pair in entry.items() for part in pair]
        self._writer.post("XADD", request.reply_to, "NOMKSTREAM", "MAXLEN", "~", REPLIES_KEPT, "*", *fields)

    async def _run(self, request: RequestEnvelope) -> Answer:
        found = self._handlers.get(request.method)
        if found is None:
            raise Malformed(f"This service has no method {request.method}")
        decoder, handler = found
        try:
            message = decoder.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed("The request does not fit", errors=(InputError("", str(error)),)) from error
        call = Call(
            request.id, request.principal, request.deadline / 1000, request.traceparent, request.idempotency_key
        )
        return await handler(message, call)

    async def _made_reply(self, request_id: str, answer: Answer) -> ReplyEnvelope:
        body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
        if len(body) <= MAX_REPLY_BYTES or self._objects is None:
            return ReplyEnvelope(id=request_id, body=body, versions=answer.versions, replayed=answer.replayed)
        key = f"replies/{request_id}"
        await self._objects.put(key, body)
        return ReplyEnvelope(id=request_id, versions=answer.versions, object_key=key, replayed=answer.replayed)
