"""What every service is composed of, started and stopped in one order; a service adds what it answers and reads."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
from faststream.asgi import AsgiFastStream, AsgiResponse
from faststream.asgi import get as asgi_get
from faststream.asgi.types import ASGIApp
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.contracts.clock import Clock, SystemClock
from shared.contracts.messages import CheckHealth
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.connection import Entry, make_broker, make_client
from shared.runtime.bus.consumer import GroupConsumer
from shared.runtime.bus.groups import SubscriberWatch
from shared.runtime.bus.server import Answer, Call, RequestServer
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.health import Health
from shared.runtime.process_figures import report_process
from shared.runtime.settings import DatabaseSettings, Settings
from shared.runtime.timings import Timings

if TYPE_CHECKING:  # a service that has no database or object store needs none of their libraries
    from shared.runtime.database import Database
    from shared.runtime.objects import Objects

log = logging.getLogger(__name__)

CONNECT_SECONDS = 30.0
DRAIN_SECONDS = 2.0
# Longer than any background work takes to clean up.
CANCEL_AGAIN_SECONDS = 4.0

Background = Callable[[], Coroutine[object, object, None]]


class Service:
    """One process on the bus. Build it, add what it does, then run it inside `running()`."""

    def __init__(self, name: str, settings: Settings, *, objects: "Objects | None" = None) -> None:
        self.name = name
        self.instance = f"{name}-{secrets.token_hex(4)}"
        self.clock: Clock = SystemClock()
        self.objects = objects
        self.health = Health()
        self.timings = Timings(name, self.instance)
        report_process(self.timings)
        self.client = make_client(settings.bus_url)
        self.broker = make_broker(settings.bus_url)
        self.writer = StreamWriter(self.client)
        self._watch = SubscriberWatch(self.client)
        self._callers: list[Caller] = []
        self._servers: list[RequestServer] = []
        self._databases: list[Database] = []
        self._background: list[Background] = []
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._failure: BaseException | None = None
        self.health.add("bus", self.check_bus)
        self.health.add("subscribers", self._watch.check)
        self.health.add("background", self._check_background)

    def caller(self) -> Caller:
        """Add the asking side of request and reply."""
        caller = Caller(
            self.broker, self.client, self.writer, self.instance, objects=self.objects, observe=self._observe_call
        )
        self._callers.append(caller)
        self._watch.add(caller.subscriber)
        return caller

    def requests(self) -> RequestServer:
        """Add the answering side, for the service of this name."""
        server = RequestServer(
            self.broker, self.writer, self.name, self.instance, objects=self.objects, observe=self._observe_request
        )
        server.handle(CheckHealth, self._answer_health)
        self._servers.append(server)
        self._watch.add(server.subscriber)
        return server

    def consume(
        self,
        stream: str,
        group: str,
        handler: Callable[[list[Entry]], Awaitable[None]],
        *,
        delete: bool = False,
        reclaim: bool = False,
        max_records: int = 200,
    ) -> None:
        """Read `stream` through `group`, with `reclaim` also what dead consumers left; see GroupConsumer."""
        consumer = GroupConsumer(
            self.broker,
            self.client,
            self.writer,
            stream,
            group,
            self.instance,
            handler,
            delete=delete,
            max_records=max_records,
        )
        self._watch.add(consumer.subscriber)
        if reclaim:
            self.background(consumer.reclaim)

    def watch(self, subscriber: StreamBatchSubscriber) -> None:
        """Keep a subscriber made elsewhere alive."""
        self._watch.add(subscriber)

    def database(self, settings: DatabaseSettings, *, relay: bool) -> "Database":
        """Add the service's own schema and, with `relay`, the relay of its outbox."""
        from shared.runtime.database import Database
        from shared.runtime.relay import Relay

        database = Database(settings, self.name)
        self._databases.append(database)
        self.health.add("database", database.check)
        if relay:
            self.background(Relay(database, self.client, self.instance).run)
        return database

    def background(self, work: Background) -> None:
        """Run `work()` from start to stop; should it end in an error, the service is no longer ready."""
        self._background.append(work)

    def closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close()` at the end, when nothing is being handled any more."""
        self._closing.append(close)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect, make groups, run the background; at the end write what waits to be written, then disconnect.

        The application inside starts the broker, and before this ends it calls `_finish_requests` and stops it.
        """
        async with AsyncExitStack() as stack:
            await self._connect(stack)
            tasks = [self._start(self.writer.run)]
            stack.push_async_callback(_cancel, tasks)
            stack.push_async_callback(self._finish)
            await self._watch.ensure_groups()
            for caller in self._callers:
                await caller.open()
                stack.push_async_callback(caller.close)
                tasks.append(self._start(caller.tend))
            tasks.append(self._start(self._watch.run))
            tasks.append(self._start(self._send_timings))
            helpers = [self._start(work) for work in self._background]
            stack.push_async_callback(_cancel, helpers)
            yield

    @asynccontextmanager
    async def running_with_broker(self) -> AsyncIterator[None]:
        """`running()`, with the broker started inside: for applications that are not FastStream's own."""
        async with self.running():
            await self.broker.start()
            self._watch.begin()
            try:
                yield
            finally:
                await self._finish_requests()
                await self.broker.stop()

    def asgi(self) -> AsgiFastStream:
        """Return the application of a service that has no HTTP interface but its health."""
        return AsgiFastStream(
            self.broker,
            asgi_routes=[("/health/live", _live), ("/health/ready", self._ready_route())],
            lifespan=self.running,
            after_startup=[self._watch.begin],
            on_shutdown=[self._finish_requests],
            logger=None,
        )

    async def _connect(self, stack: AsyncExitStack) -> None:
        stack.push_async_callback(self.client.aclose)
        for close in self._closing:
            stack.push_async_callback(close)
        await _retry("the message bus", self.check_bus)
        for database in self._databases:
            stack.push_async_callback(database.close)
            await _retry("the database", database.connect)

    async def _finish_requests(self) -> None:
        """Take no more requests and finish those taken, while what they ask of other services is still heard."""
        self._watch.stop()
        for server in self._servers:
            await server.subscriber.stop()
            await server.drain(DRAIN_SECONDS)

    async def _finish(self) -> None:
        self.timings.send(self.writer)
        await self.writer.drain(DRAIN_SECONDS)

    def _start(self, work: Background) -> asyncio.Task[None]:
        task = asyncio.create_task(work())
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            log.critical("the service cannot go on by itself", exc_info=error)

    async def _send_timings(self) -> None:
        await self.timings.run(self.writer)

    async def check_bus(self) -> None:
        """Pass when the bus answers."""
        await self.client.ping()

    async def _check_background(self) -> None:
        if self._failure is not None:
            raise RuntimeError(str(self._failure))

    async def _answer_health(self, _: CheckHealth, __: Call) -> Answer:
        return Answer(await self.health.ready())

    def _observe_call(self, method: str, outcome: str, seconds: float) -> None:
        self.timings.observe("rpc_client_duration", seconds, method=method, outcome=outcome)

    def _observe_request(self, method: str, outcome: str, seconds: float) -> None:
        self.timings.observe("rpc_server_duration", seconds, method=method, outcome=outcome)

    def _ready_route(self) -> ASGIApp:
        @asgi_get
        async def ready(_: object) -> AsgiResponse:
            readiness = await self.health.ready()
            return _json(readiness, 200 if readiness.status == "ok" else 503)

        return ready


@asgi_get
async def _live(_: object) -> AsgiResponse:
    return _json({"status": "ok"}, 200)


def _json(value: object, status: int) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(value), status, headers={"content-type": "application/json"})


async def _retry(what: str, connect: Callable[[], Awaitable[None]]) -> None:
    """Try for CONNECT_SECONDS: at a start everything comes up at once, in no order."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + CONNECT_SECONDS
    said = False
    while True:
        try:
            await connect()
        except Exception as error:
            if loop.time() >= give_up:
                log.critical("%s did not answer within %g s: %s", what, CONNECT_SECONDS, error)
                raise
            if not said:
                log.warning("waiting for %s: %s", what, error)
                said = True
            await asyncio.sleep(0.25)
        else:
            return


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks. One that does not end is cancelled again: asyncio.wait_for, with which redis-py waits, can swallow a
    cancellation before Python 3.12, and a loop around it would go on for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
