"""`python -m bench.bus`: request and reply, relay and events, against FastStream's own `request` and redis-py alone.

Starts its own Postgres and Valkey. Each contender answers in a process of its own and is asked from this one, in turns:
five rounds, the order reversed in every other one. A figure is the median over the rounds, a ratio the median of the
rounds' own, with the least and the greatest. CPU is that of both processes together, the servers' not counted.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from statistics import median, quantiles
from typing import cast

import psutil
import uvloop
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis

from bench.ending import program_of, undone_when_ended
from bench.spread import spread
from shared.runtime.bus.connection import make_client
from shared.runtime.database import Database
from shared.runtime.migrations.runner import migrate_in
from shared.runtime.relay import Relay
from shared.runtime.tests.announcing import STREAM, write
from shared.runtime.tests.echo import Say, answering, asking, echo
from tests.databases import connected, fresh_database, service_url
from tests.servers import postgres_server, valkey_server

ROUNDS = 5
IN_FLIGHT = (1, 32, 128)
MOST = 512
"""Connections for those who need one for each thing in flight: FastStream's `request`, and PING by redis-py."""
SECONDS = 1.0
"""How long one measurement goes on."""
BACKLOG = 20_000
"""Events that the relay finds waiting."""
QUIET = 500
"""Events that are written one by one in a quiet system."""
PAUSE = 0.01

REQUESTS, FORTH, BACK = "bench.requests", "bench.forth", "bench.back"
TEXT = "x" * 100
Ask = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Round trips per second, CPU microseconds for each, and half of them took no longer than `p50` seconds."""

    rate: float
    cpu: float
    p50: float


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is asked, how, the process that answers, if there is one, and how many things at a time at most."""

    name: str
    ask: Ask
    process: psutil.Process | None
    most: int = MOST

    async def measured(self, in_flight: int) -> Measured:
        """Keep so many requests in flight for SECONDS."""
        taken: list[float] = []
        started, before = time.perf_counter(), self._cpu()
        until = started + SECONDS

        async def keep_asking() -> None:
            while (begun := time.perf_counter()) < until:
                await self.ask()
                taken.append(time.perf_counter() - begun)

        await asyncio.gather(*(keep_asking() for _ in range(in_flight)))
        rate = len(taken) / (time.perf_counter() - started)
        return Measured(rate, (self._cpu() - before) / len(taken) * 1e6, median(taken))

    def _cpu(self) -> float:
        if self.process is None:
            return time.process_time()
        times = self.process.cpu_times()
        return time.process_time() + times.user + times.system


async def serve(kind: str, url: str) -> None:
    """Answer until killed; says `ready` on standard output."""
    match kind:
        case "ours":
            async with answering(url, echo):
                await _ready()
        case "faststream":
            broker = RedisBroker(url, logger=None)  # type: ignore[arg-type]  # documented as off
            broker.subscriber(stream=StreamSub(REQUESTS, group="bench", consumer="one"))(_same)
            await broker.start()
            await _ready()
        case _:
            async with Redis.from_url(url, protocol=2, socket_timeout=None) as client:
                await _return_all(client)


async def _same(text: str) -> str:
    return text


async def _ready() -> None:
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _return_all(client: Redis) -> None:
    """The least there is: an entry that is read from one stream is added to another."""
    print("ready", flush=True)
    last: bytes | str = "0"
    while True:
        for entry_id, fields in _entries(await client.xread({FORTH: last}, block=0)):
            await client.xadd(BACK, fields)  # type: ignore[arg-type]  # a dict is invariant
            last = entry_id


def _entries(answer: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """What was read of one stream."""
    streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", answer)
    return [entry for _, entries in streams for entry in entries]


class PingPong:
    """The asking side of that: one entry there, one back."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._last: bytes | str = "0"

    async def ask(self) -> None:
        """Send one and wait for it."""
        await self._client.xadd(FORTH, {"text": TEXT})
        self._last = _entries(await self._client.xread({BACK: self._last}, block=5000))[-1][0]


@asynccontextmanager
async def _process(kind: str, url: str) -> AsyncIterator[psutil.Process]:
    child = await asyncio.create_subprocess_exec(
        *program_of("bench.bus", "serve", kind, url), stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        if child.stdout is None or await child.stdout.readline() != b"ready\n":
            raise SystemExit(f"the process that is to answer ({kind}) has not started")
        yield psutil.Process(child.pid)
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


@asynccontextmanager
async def contenders(url: str) -> AsyncIterator[list[Contender]]:
    """Everyone, ready to be asked."""
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(asking(url))
        # Of its own accord it would refuse the hundred and first: a connection for each request.
        broker = RedisBroker(url, logger=None, max_connections=MOST)  # type: ignore[arg-type]  # documented as off
        await broker.connect()
        stack.push_async_callback(broker.stop)
        raw = await stack.enter_async_context(Redis.from_url(url, protocol=2, max_connections=MOST))
        processes = {
            kind: await stack.enter_async_context(_process(kind, url)) for kind in ("ours", "faststream", "raw")
        }

        async def ask_ours() -> None:
            await caller.call(Say(text=TEXT))

        async def ask_faststream() -> None:
            await broker.request(TEXT, stream=REQUESTS, timeout=10)

        async def ping() -> None:
            await raw.ping()

        yield [
            Contender("ours", ask_ours, processes["ours"]),
            Contender("FastStream", ask_faststream, processes["faststream"]),
            Contender("two streams by redis-py", PingPong(raw).ask, processes["raw"], most=1),
            Contender("PING", ping, None),
        ]


async def round_trips() -> None:
    """Print what a request and its reply cost."""
    async with valkey_server(kind="bus") as server, contenders(server.url) as everybody:
        for contender in everybody:
            await contender.measured(1)
        for in_flight in IN_FLIGHT:
            asked = [contender for contender in everybody if in_flight <= contender.most]
            found: dict[str, list[Measured]] = {contender.name: [] for contender in asked}
            for number in range(ROUNDS):
                for contender in asked if number % 2 == 0 else asked[::-1]:
                    found[contender.name].append(await contender.measured(in_flight))
            print(f"\nRound trips, {in_flight} in flight")
            for name, each in found.items():
                pairs = list(zip(found["ours"], each, strict=True))
                rate, cpu = median(m.rate for m in each), median(m.cpu for m in each)
                more, longer = spread(a.rate / b.rate for a, b in pairs), spread(a.p50 / b.p50 for a, b in pairs)
                print(
                    f"  {name:24} {rate:9,.0f}/s {cpu:8.1f} us CPU {median(m.p50 for m in each) * 1e6:8.0f} us p50; "
                    f"ours {more.told()} x the rate, {longer.told()} x the p50"
                )


async def relay_and_events() -> None:
    """Print how fast a backlog of events goes out, and how soon one is heard in a quiet system."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(valkey_server(kind="bus"))
        postgres = await stack.enter_async_context(postgres_server())
        url = await stack.enter_async_context(fresh_database(postgres))
        await migrate_in(url, "services.strategy", service_url(url, "strategy"))
        database = await stack.enter_async_context(connected(url, "strategy"))
        client = await stack.enter_async_context(make_client(server.url))
        relay = Relay(database, client, "bench")
        print(f"\nRelay: a backlog of {BACKLOG:,} events")
        rates = [await _relayed(database, relay) for _ in range(ROUNDS)]
        print(f"  {median(rates):,.0f} events/s; the slowest of {ROUNDS} rounds {min(rates):,.0f}")
        relaying = asyncio.create_task(relay.run())
        try:
            waits = await _heard(database, client)
        finally:
            relaying.cancel()
            await asyncio.wait([relaying])
    waits.sort()
    p99 = quantiles(waits, n=100, method="inclusive")[98]
    print(f"\nEvents, from the commit to a consumer in a quiet system: {QUIET} one by one")
    print(f"  p50 {median(waits) * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, slowest {waits[-1] * 1e3:.2f} ms")


async def _relayed(database: Database, relay: Relay) -> float:
    async with database.transaction() as connection:
        await connection.execute(_FILL, STREAM, BACKLOG)
    started, moved = time.perf_counter(), 0
    while moved < BACKLOG:
        moved += await relay.relay_once()
    return BACKLOG / (time.perf_counter() - started)


_FILL = """
INSERT INTO outbox (stream, event_id, type, subject, owner, time, traceparent, data)
SELECT $1, gen_random_uuid()::text, 'aurelius.strategy.updated.v1', 'strategy:' || n % 1000, 'me',
       '2026-01-01T00:00:00.000000Z', '', convert_to('{"id": "' || n || '", "version": 1, "changed": ["name"]}', 'UTF8')
FROM generate_series(1, $2::integer) AS n
"""


async def _heard(database: Database, client: Redis) -> list[float]:
    """Write events one by one; the seconds from each commit until a consumer of a group has it."""
    await client.xgroup_create(STREAM, "bench", id="$")
    arrived: list[float] = []

    async def consume() -> None:
        while len(arrived) < QUIET:
            entries = _entries(await client.xreadgroup("bench", "one", {STREAM: ">"}, block=1000))
            arrived.extend([time.perf_counter()] * len(entries))
            if entries:
                await client.xack(STREAM, "bench", *(entry_id for entry_id, _ in entries))

    consuming = asyncio.create_task(consume())
    committed: list[float] = []
    for _ in range(QUIET):
        await write(database)
        committed.append(time.perf_counter())
        await asyncio.sleep(PAUSE)
    await consuming
    return [max(there - here, 0.0) for here, there in zip(committed, arrived, strict=True)]


async def measure() -> None:
    """Measure and print everything."""
    await round_trips()
    await relay_and_events()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", kind, url]:
            uvloop.run(serve(kind, url))
        case _:
            with undone_when_ended():
                uvloop.run(measure())
