"""Request and reply, the answering side: batches in, a task each, replies and acknowledgements in one pipeline."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope, Sender
from shared.contracts.errors import (
    Conflict,
    DeadlineExceeded,
    ErrorBody,
    InputError,
    Malformed,
    ServiceError,
    TooOld,
    Unauthenticated,
    Unavailable,
)
from shared.contracts.messages import Request
from shared.contracts.streams import checks_of, reply_stream, rpc_stream
from shared.contracts.values import Principal
from shared.runtime import context, spent
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.dead_letters import Count, DeadLetters, Verdict
from shared.runtime.bus.in_hand import InHand
from shared.runtime.bus.reading import Broker
from shared.runtime.bus.unread import unread_entries
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.context import Handling
from shared.runtime.logs import because
from shared.runtime.old_replies import REPLIES
from shared.runtime.tracing.bus_spans import answering, refused

if TYPE_CHECKING:  # who has no large answers needs no object store library, and who makes no traces none of theirs
    from shared.runtime.objects import Objects
    from shared.runtime.tracing.tracer import Tracer

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 256
MAX_REPLY_BYTES = 256 * 1024
REPLIES_KEPT = 10_000
# Above any deadline: a request that a process has held for so long, and not answered, nobody waits for.
LONGEST_SECONDS = 120.0

UNREADABLE = (KeyError, ValueError, msgspec.MsgspecError)

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
    """Answers the requests of one service. A slow request holds back none of its neighbours, within MAX_IN_FLIGHT.

    With a `checker` it answers what that service alone sends on the stream of checks: in nobody's name, whoever the
    request says it is for, and to the checker's own processes.
    """

    def __init__(
        self,
        broker: Broker,
        client: Redis,
        writer: StreamWriter,
        service: str,
        instance: str,
        *,
        objects: "Objects | None" = None,
        observe: Observer | None = None,
        count_dead: Count = lambda *_: None,
        checker: str = "",
        tracer: "Tracer | None" = None,
    ) -> None:
        self._writer = writer
        self._checker = checker
        self._callers = reply_stream(f"{checker}-" if checker else "")
        self._objects = objects
        self._observe = observe
        self._tracer = tracer
        self.group = service
        self.consumer = instance
        self.stream = rpc_stream(checks_of(service) if checker else service)
        self.in_hand = InHand(client, self.stream, service, instance, longest=LONGEST_SECONDS)
        self.letters = DeadLetters(client, self.stream, service, delete=True, count=count_dead)
        self._secret: set[str] = set()
        self._intake = asyncio.Event()
        self._intake.set()
        self._handlers: dict[str, tuple[msgspec.json.Decoder[Request[object]], HandlerOf[Request[object]]]] = {}
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: list[bytes] = []
        self.subscriber: StreamBatchSubscriber = subscribe(
            broker, self.stream, self._receive, group=service, consumer=instance
        )
        broker.room[self.stream] = self._room

    async def _room(self) -> int:
        while self._slots.locked():
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return max(1, MAX_IN_FLIGHT - len(self._tasks))

    def handle(self, message: type[R], handler: HandlerOf[R]) -> None:
        """Answer requests of this type with `handler`."""
        self._handlers[message.METHOD] = (msgspec.json.Decoder(message), handler)  # type: ignore[assignment]
        if message.SECRET:
            self._secret.add(message.METHOD)

    async def _receive(self, entries: list[Entry]) -> None:
        self.in_hand.take(*(entry.id for entry in entries))
        for entry in entries:
            await self._intake.wait()
            await self.begin(entry)
        # They begin, and what they answer at once goes out, before FastStream prepares the next read.
        for _ in range(2):
            await asyncio.sleep(0)

    async def begin(self, entry: Entry) -> asyncio.Task[None]:
        """Start to serve an entry that is in hand, when there is a slot for it."""
        taken_at = time.perf_counter()
        await self._slots.acquire()
        task = asyncio.create_task(self._serve(entry, taken_at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @contextlib.contextmanager
    def holding_intake(self) -> Iterator[None]:
        """Begin nothing that is read meanwhile: it waits, and is begun afterwards."""
        self._intake.clear()
        try:
            yield
        finally:
            self._intake.set()

    async def is_idle(self, within: float) -> bool:
        """Say whether nothing is being served, or will not be within so many seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)
        return not self._tasks

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
            with contextlib.suppress(RedisError, OSError):
                await self.in_hand.hand_back()

    async def _answered(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _put_away(self, entry_id: bytes) -> None:
        """Put an entry away together with all that are done in this turn of the event loop."""
        if not self._done:
            asyncio.get_running_loop().call_soon(self._put_done_away)
        self._done.append(entry_id)

    def _put_done_away(self) -> None:
        # One group reads this stream, so that an acknowledged entry is of no more use to anyone.
        self._writer.post("XACK", self.stream, self.group, *self._done)
        self._writer.post("XDEL", self.stream, *self._done)
        self._done.clear()

    async def _serve(self, entry: Entry, taken_at: float) -> None:
        used = spent.begin()
        try:
            try:
                request = self._read(entry)
            except UNREADABLE as error:
                verdict = Verdict(reason="malformed", error=f"it is no request: {error!r}")
                await self.give_up(entry, verdict, Malformed("The service cannot read the request"))
                return
            reply = await self._answer(request) if request.deadline > time.time() * 1000 else None
            self._put_away(entry.id)  # before the reply is sent, so that both go out in one write
            if reply is not None:
                elapsed_us = int((time.perf_counter() - taken_at) * 1e6)
                database_us = int(used.database * 1e6)
                reply = msgspec.structs.replace(reply, elapsed_us=elapsed_us, database_us=database_us)
                self._reply(request.reply_to, reply)
        finally:
            self.in_hand.let_go(entry.id)
            self._slots.release()

    async def give_up(self, entry: Entry, verdict: Verdict, error: ServiceError) -> None:
        """Move a request to the dead letters, without secrets, and tell its caller, if there is one that can be told.

        While the bus is away it stays pending, and is judged again.
        """
        sender = Sender.from_entry(entry.fields)
        kept = entry.fields
        if sender.method not in self._handlers or sender.method in self._secret:
            kept = {name: value for name, value in kept.items() if name != b"body"}
        replayable = verdict.reason != "malformed" and b"body" in kept
        try:
            moved = await self.letters.put(entry, verdict, fields=kept, replayable=replayable)
        except (RedisError, OSError) as failure:
            log.warning("%s: %s cannot be put aside yet: %s", self.stream, entry.id.decode(), failure)
            return
        if moved and sender.reply_to.startswith(self._callers):
            self._reply(sender.reply_to, ReplyEnvelope(id=sender.id, error=ErrorBody.of(error)))

    async def replay(self, entry: Entry, seconds: float) -> tuple[str, str]:
        """Do a request of before under its own id, within `seconds`, and answer nobody; a write that was done is not
        done again. Returns `ok`, or the kind and the sentence of what its caller would have been told.

        Raises the service's own error when it could not be done now, Conflict when its handler failed, TooOld when
        nobody knows any more whether it was done.
        """
        request = msgspec.structs.replace(self._read(entry), deadline=int((time.time() + seconds) * 1000))
        try:
            async with asyncio.timeout(seconds):
                await self._run(request)
        except TimeoutError as error:
            raise DeadlineExceeded(f"It was not done within {seconds:g} s") from error
        except ServiceError as error:
            if error.status >= 500 or error.retry_after is not None or isinstance(error, TooOld):
                raise
            return error.kind, error.detail
        except Exception as error:
            log.exception("the replay failed")
            raise Conflict(f"It failed again, with {type(error).__name__}; the service's log tells more") from error
        return "ok", ""

    def _read(self, entry: Entry) -> RequestEnvelope:
        """Read a request. Raises one of UNREADABLE, so for one whose answer would go where no caller hears it.

        That could be any stream that this service may write, of which some must hold nothing else.
        """
        request = RequestEnvelope.from_entry(entry.fields)
        if not request.reply_to.startswith(self._callers):
            raise ValueError(f"its answer is wanted on {request.reply_to[:80]}")
        return msgspec.structs.replace(request, principal=None) if self._checker else request

    async def _answer(self, request: RequestEnvelope) -> ReplyEnvelope:
        """Make a reply, whatever happens: a caller that hears nothing waits out its deadline."""
        started = time.perf_counter()
        handling = Handling(
            request.request_id or request.id, request.traceparent, request.method, tracestate=request.tracestate
        )
        span = None
        if self._tracer is not None and request.traceparent:
            span = answering(self._tracer, self.stream, self.group, request.id, handling)
            handling = msgspec.structs.replace(handling, traceparent=span.traceparent)
            request = msgspec.structs.replace(request, traceparent=span.traceparent)
        # In a task of its own, so that it ends with the request.
        context.begin(handling)
        reply, failure = await self._attempt(request)
        elapsed = time.perf_counter() - started
        outcome = "ok" if reply.error is None else reply.error.kind
        _tell(outcome, failure, elapsed, replayed=reply.replayed)
        if span is not None:
            if failure is not None:
                refused(span, failure)
            span.end()
        if self._observe is not None:
            self._observe(request.method, outcome, elapsed)
        return reply

    async def _attempt(self, request: RequestEnvelope) -> tuple[ReplyEnvelope, Exception | None]:
        """Return the reply, and the error that it is made of."""
        try:
            return await self._made_reply(request.id, await self._run(request)), None
        except ServiceError as error:
            return ReplyEnvelope(id=request.id, error=ErrorBody.of(error)), error
        except Exception as error:  # nobody else would answer, and it is logged
            ours = ServiceError("Something went wrong on our side")
            return ReplyEnvelope(id=request.id, error=ErrorBody.of(ours)), error

    def _reply(self, stream: str, reply: ReplyEnvelope) -> None:
        fields = [part for pair in reply.to_entry().items() for part in pair]
        self._writer.post("XADD", stream, "NOMKSTREAM", "MAXLEN", "~", REPLIES_KEPT, "*", *fields)

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
        key = f"{REPLIES}{request_id}"
        await self._objects.put(key, body)
        return ReplyEnvelope(id=request_id, versions=answer.versions, object_key=key, replayed=answer.replayed)


def _tell(outcome: str, failure: Exception | None, seconds: float, *, replayed: bool) -> None:
    """Write the one line about a request: what came of it, and when that is our fault why."""
    about = {"outcome": outcome, "duration": round(seconds, 6)}
    if failure is None or (isinstance(failure, ServiceError) and failure.status < 500):
        again = ", as before" if replayed else ""
        log.debug("answered %s after %.1f ms%s", outcome, seconds * 1000, again, extra=about)
    elif isinstance(failure, ServiceError):
        log.warning("refused: %s%s", failure.detail, because(failure), extra=about)
    else:
        log.error("failed", exc_info=failure, extra=about)
