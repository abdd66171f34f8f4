"""What every service is composed of, started and stopped in one order; a service adds what it answers and reads."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Literal

from faststream import FastStream
from faststream.asgi.types import ASGIApp
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from faststream.specification import AsyncAPI
from redis.exceptions import AuthenticationError, NoPermissionError

from shared.contracts.clock import Clock, SystemClock
from shared.contracts.errors import Unavailable
from shared.contracts.messages import CheckHealth, ListDeadLetters, ReplayDeadLetter
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.connection import make_broker, make_client
from shared.runtime.bus.consumer import GroupConsumer, Handler
from shared.runtime.bus.groups import SubscriberWatch
from shared.runtime.bus.reading import complaint
from shared.runtime.bus.reclaimer import RequestReclaimer
from shared.runtime.bus.server import Answer, Call, RequestServer
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.connecting import CannotStart, until_connected
from shared.runtime.dead_letter_handlers import DeadLetterHandlers
from shared.runtime.health import Health
from shared.runtime.health_routes import HealthRoutes
from shared.runtime.old_replies import remove_old_replies
from shared.runtime.process_figures import ProcessFigures
from shared.runtime.release import release
from shared.runtime.settings import DatabaseSettings, Settings
from shared.runtime.tasks import end_tasks
from shared.runtime.timings import Timings
from shared.runtime.tracing.start import start
from shared.runtime.unmeasured import NoTimings

if TYPE_CHECKING:  # a service that has no database or object store needs none of their libraries
    from shared.runtime.database import Database
    from shared.runtime.objects import Objects
    from shared.runtime.raising import Raising

log = logging.getLogger(__name__)

# What is left for each step of a stop when the time to drain is used up.
LEAST_SECONDS = 0.2
# What a stop waits for a collector of traces, after all else: one that answers takes milliseconds.
FLUSH_SECONDS = 0.5
# The bus is there, but not for this user.
_REFUSALS = (AuthenticationError, NoPermissionError)

State = Literal["is starting", "is running", "is stopping", "has failed"]
Background = Callable[[], Coroutine[object, object, None]]
Step = Callable[[], Awaitable[None]]


class Service:
    """One process on the bus. Build it, add what it does, then run it inside `running()`.

    `http` answers HTTP requests: about health, unless a service puts an application of its own there. Its clients are
    given `linger` seconds of a stop to hear that their connections end.
    `failed` is set when background work has ended in an error: the process is of no more use and should end.
    """

    def __init__(self, name: str, settings: Settings, *, objects: "Objects | None" = None) -> None:
        self.name = name
        self.instance = f"{name}-{secrets.token_hex(4)}"
        self.clock: Clock = SystemClock()
        self.objects = objects
        self.health = Health()
        self.http: ASGIApp = HealthRoutes(self.health, self.asyncapi)
        self.linger = 0.0
        self.failed = asyncio.Event()
        self.tracer = start(settings, name, self.instance)
        if objects is not None:
            objects.tracer = self.tracer
        self.timings = (Timings if settings.metrics_enabled else NoTimings)(name, self.instance)
        self.client = make_client(settings.bus_url)
        self.broker = make_broker(settings.bus_url, drain_seconds=settings.drain_seconds)
        self.app = FastStream(self.broker, logger=None, lifespan=self._lifespan, specification=_asyncapi(name))
        self.writer = StreamWriter(self.client)
        self._drain_seconds = settings.drain_seconds
        self._stop_by = 0.0
        self._state: State = "is starting"
        self._watch = SubscriberWatch(self.client, self.broker.faults)
        self._callers: list[Caller] = []
        self._servers: list[RequestServer] = []
        self._consumers: list[GroupConsumer] = []
        self._dead_letters = DeadLetterHandlers()
        self._databases: list[Database] = []
        self._background: list[Background] = []
        self._starting: list[Step] = []
        self._stopping: list[Step] = []
        self._closing: list[Step] = []
        self._finishing: list[Step] = []
        if self.timings.measures:
            self.background(ProcessFigures(self.timings).run)
        self.health.add("process", self._check_state)
        self.health.add("bus", self.check_bus)
        self.health.add("subscribers", self._watch.check)

    def caller(self) -> Caller:
        """Add the asking side of request and reply."""
        caller = Caller(
            self.broker,
            self.client,
            self.writer,
            self.instance,
            objects=self.objects,
            observe=self._observe_call,
            tracer=self.tracer,
        )
        self._callers.append(caller)
        self._watch.add(caller.subscriber)
        self.health.add("replies", caller.check)
        return caller

    def requests(self) -> RequestServer:
        """Add the answering side, for the service of this name."""
        server = self._server()
        self.background(self._dead_letters.trim)
        server.handle(CheckHealth, self._answer_health)
        server.handle(ListDeadLetters, self._dead_letters.list_all)
        server.handle(ReplayDeadLetter, self._dead_letters.replay)
        if (objects := self.objects) is not None:
            self.background(lambda: remove_old_replies(objects, self.clock, self.timings))
        return server

    def checks(self, checker: str) -> RequestServer:
        """Add the answering side of what that service alone asks, in nobody's name; beside `requests`."""
        return self._server(checker)

    def _server(self, checker: str = "") -> RequestServer:
        server = RequestServer(
            self.broker,
            self.client,
            self.writer,
            self.name,
            self.instance,
            objects=self.objects,
            observe=self._observe_request,
            count_dead=self._count_dead,
            checker=checker,
            tracer=self.tracer,
        )
        self._servers.append(server)
        self._watch.add(server.subscriber)
        self.background(server.in_hand.run)
        self.background(RequestReclaimer(self.client, server, self._count_taken_over).run)
        self._dead_letters.add(server.letters, server.replay)
        return server

    def consume(
        self,
        stream: str,
        handler: Handler,
        *,
        delete: bool = False,
        reclaim: bool = False,
        max_records: int = 200,
    ) -> None:
        """Read `stream` through the service's group, with `reclaim` what dead consumers left too; see GroupConsumer."""
        consumer = GroupConsumer(
            self.broker,
            self.client,
            self.writer,
            stream,
            self.name,
            self.instance,
            handler,
            delete=delete,
            max_records=max_records,
            count_dead=self._count_dead,
            count_taken_over=self._count_taken_over,
            tracer=self.tracer,
        )
        self._consumers.append(consumer)
        self._dead_letters.add(consumer.letters, consumer.replay)
        self.watch(consumer.subscriber, consumer.finish)
        self.background(consumer.in_hand.run)
        if reclaim:
            self.background(consumer.reclaim)

    def watch(self, subscriber: StreamBatchSubscriber, finish: Step | None = None) -> None:
        """Keep a subscriber alive; await `finish()` when it has stopped, for what it was given and has not seen."""
        self._watch.add(subscriber)
        if finish is not None:
            self._finishing.append(finish)

    def database(
        self,
        settings: DatabaseSettings,
        *,
        relay: bool,
        pool_size: int | None = None,
        raising: "Raising | None" = None,
    ) -> "Database":
        """Add the service's own schema and, with `relay`, the relay of its outbox; `raising` as Database has it."""
        from shared.runtime.database import Database
        from shared.runtime.database_figures import DatabaseFigures, report_pool
        from shared.runtime.relay import Relay
        from shared.runtime.relaying.figures import report_relay
        from shared.runtime.relaying.retention import Keeping

        database = Database(settings, self.name, pool_size=pool_size, raising=raising, tracer=self.tracer)
        self._databases.append(database)
        report_pool(self.timings, database)
        self.health.add("database", database.check)
        if relay:
            sender = Relay(database, self.client, self.instance, Keeping.of(settings), tracer=self.tracer)
            report_relay(self.timings, sender)
            self.health.add("relay", sender.check)
            self.background(sender.run)
            if self.timings.measures:
                self.background(DatabaseFigures(database, self.timings).run)
        return database

    def background(self, work: Background) -> None:
        """Run `work()` from start to stop. It may return; should it end in an error, the service has failed."""
        self._background.append(work)

    def starting(self, step: Step) -> None:
        """Await `step()` before anything is connected."""
        self._starting.append(step)

    def stopping(self, step: Step) -> None:
        """Await `step()` when the stop begins, while everything still works."""
        self._stopping.append(step)

    def closing(self, step: Step) -> None:
        """Await `step()` at the end, when nothing is being handled any more."""
        self._closing.append(step)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect, make groups, read and run the background; at the end finish what was taken, write, disconnect.

        What is under way has the settings' `drain_seconds` for its end, all of it together. Raises CannotStart.
        """
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.app.lifespan_context())
                stack.push_async_callback(self._read_no_more)
                await self.app.start()
                self._watch.begin()
            except _REFUSALS as error:
                raise CannotStart(f"the message bus refuses the user of BUS_URL: {error}") from error
            except TimeoutError as error:  # FastStream's, for a reader that did not come to its first read
                raise CannotStart("the message bus has stopped to answer while this process started") from error
            self._state = "is running"
            watching = [self._start(self.health.watch)]
            try:
                yield
            finally:
                self.begin_stop()
                await end_tasks(watching)
                for step in self._stopping:
                    await self._within(step())

    def begin_stop(self) -> None:
        """Not ready from now on; the time to drain runs."""
        if self._state != "is stopping":
            self._state = "is stopping"
            self._stop_by = asyncio.get_running_loop().time() + self._drain_seconds

    def seconds_left(self) -> float:
        """Return how long a step of the stop may take."""
        return max(LEAST_SECONDS, self._stop_by - asyncio.get_running_loop().time())

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        """What there must be before the broker reads, and until it has stopped."""
        async with AsyncExitStack() as stack:
            await self._connect(stack)
            await self._open(stack)
            yield

    def asyncapi(self) -> bytes:
        """Return the AsyncAPI document of what this process reads, as JSON."""
        return self.app.schema.to_specification().to_json().encode()

    async def _connect(self, stack: AsyncExitStack) -> None:
        if self.tracer is not None:
            stack.push_async_callback(self.tracer.close, FLUSH_SECONDS)
        for step in self._starting:
            await step()
        stack.push_async_callback(self.client.aclose)
        for close in self._closing:
            stack.push_async_callback(close)
        await until_connected("the message bus", self._ping, refusals=_REFUSALS)
        for database in self._databases:
            stack.push_async_callback(self._close, database)
            await until_connected("the database", database.connect)

    async def _close(self, database: "Database") -> None:
        await database.close(self.seconds_left())

    async def _open(self, stack: AsyncExitStack) -> None:
        tasks = [self._start(self.writer.run)]
        stack.push_async_callback(end_tasks, tasks)
        stack.push_async_callback(self._write_the_rest)
        await self._watch.ensure_groups()
        for caller in self._callers:
            await caller.open()
            stack.push_async_callback(caller.close)
            # Before that, or it would make again what is removed.
            stack.push_async_callback(end_tasks, [self._start(caller.tend)])
        tasks.append(self._start(self._watch.run))
        tasks.append(self._start(self._send_timings))
        helpers = [self._start(work) for work in self._background]
        stack.push_async_callback(end_tasks, helpers)

    async def _read_no_more(self) -> None:
        """Take nothing more and finish what was taken, while what it asks of other services is still heard."""
        self.begin_stop()
        self._watch.stop()
        for consumer in self._consumers:
            consumer.stop()
        for subscriber in self._watch.of_groups():
            await self._within(subscriber.stop())
        for server in self._servers:
            await server.finish(self.seconds_left())
        for finish in self._finishing:
            await self._within(finish())
        await self._within(self.app.stop())

    async def _write_the_rest(self) -> None:
        self.begin_stop()  # a start that failed ends here too
        self.timings.send(self.writer, last=True)
        await self.writer.drain(self.seconds_left())
        await self._within(self._watch.forget())

    async def _within(self, step: Awaitable[None]) -> None:
        """Await a step of the stop for as long as there is. Whatever becomes of it, the rest follows."""
        try:
            async with asyncio.timeout(self.seconds_left()):
                await step
        except Exception as error:  # the stop goes on
            log.warning("the stop goes on without waiting: %s", repr(error))

    def _start(self, work: Background) -> asyncio.Task[None]:
        task = asyncio.create_task(work())
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._state == "is stopping" or not (task.cancelled() or error):
            return
        # A process that is half of itself would be found out by nobody; whoever supervises it starts a whole one.
        log.critical("work in the background has ended: this process is of no more use", exc_info=error)
        self._state = "has failed"
        self.failed.set()

    async def _send_timings(self) -> None:
        await self.timings.run(self.writer)

    async def check_bus(self) -> None:
        """Pass when the bus answers and takes what this process writes. Raises Unavailable or a library's error."""
        await self._ping()
        if self.timings.refused is not None:
            cause = self.timings.refused.__cause__
            raise Unavailable(f"the bus, asked to take messages, {complaint(cause)}") from cause

    async def _ping(self) -> None:
        await self.client.ping()

    async def _check_state(self) -> None:
        if self._state != "is running":
            raise Unavailable(f"this process {self._state}")

    async def _answer_health(self, _: CheckHealth, __: Call) -> Answer:
        return Answer(await self.health.ready())

    def _count_dead(self, stream: str, reason: str) -> None:
        self.timings.count("dead_letters", stream=stream, reason=reason)

    def _count_taken_over(self, stream: str, _: str) -> None:
        self.timings.count("entries_taken_over", stream=stream)

    def _observe_call(self, method: str, outcome: str, seconds: float) -> None:
        self.timings.observe("rpc_client_duration", seconds, method=method, outcome=outcome)

    def _observe_request(self, method: str, outcome: str, seconds: float) -> None:
        self.timings.observe("rpc_server_duration", seconds, method=method, outcome=outcome)


def _asyncapi(name: str) -> AsyncAPI:
    return AsyncAPI(
        title=f"AURELIUS, the {name} service",
        version=release(),
        description="What this process reads from the bus. What other programs may read is in the gateway's document.",
        schema_version="3.0.0",
    )
