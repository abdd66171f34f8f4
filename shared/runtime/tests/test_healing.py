"""Whatever happens to the bus: within five seconds of its end all goes on in the processes that there are, and nothing
that was written is lost.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.errors import ServiceError
from shared.contracts.events import CloudEvent
from shared.contracts.streams import PROGRESS
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.service import Service
from shared.runtime.settings import DatabaseSettings, Settings
from shared.runtime.tests.announcing import STREAM, write
from shared.runtime.tests.bus_state import entries
from shared.runtime.tests.echo import Say, echo
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.way import Way, way_to
from tests.databases import service_url
from tests.servers import ValkeyServer, valkey_server

pytestmark = pytest.mark.integration

HEAL_SECONDS = 5.0


class System:
    """A service with all that reads and writes: it asks itself, relays, reads its events and, without a group, news."""

    def __init__(self, server: ValkeyServer, way: Way, service: Service, database: Database) -> None:
        self.server = server
        self.way = way
        self.database = database
        self.operator = Redis.from_url(server.url, protocol=2)
        self.events: dict[int, set[str]] = {}
        self.news: list[bytes] = []
        self.written = 0
        self._service = service
        self._caller = service.caller()
        service.requests().handle(Say, self._answer)
        service.consume(STREAM, self._read, reclaim=True)
        service.watch(subscribe(service.broker, PROGRESS, self._hear, last_id="0"))

    async def _answer(self, message: Say, call: Call) -> Answer:
        return await echo(message, call)

    async def _read(self, found: list[Entry]) -> None:
        for entry in found:
            event = CloudEvent.from_entry(entry.fields)
            self.events.setdefault(event.sequence, set()).add(event.id)

    async def _hear(self, found: list[Entry]) -> None:
        self.news += [entry.fields[b"n"] for entry in found]

    async def write(self, number: int = 3) -> None:
        """Announce so many changes."""
        for _ in range(number):
            await write(self.database)
            self.written += 1

    async def faults(self) -> dict[str, str]:
        """Return what readiness says is wrong, by check."""
        checks = (await self._service.health.ready()).checks
        return {name: result.detail for name, result in checks.items() if result.status != "ok"}

    async def works(self) -> bool:
        """Say whether everything is as it should be: ready, every event read, a request answered, news heard."""
        if await self.faults() or len(self.events) < self.written:
            return False
        number = str(len(self.news)).encode()
        try:
            await self._service.client.xadd(PROGRESS, {"n": number})
            await self._caller.ask(Say(text="x"), service="strategy", seconds=1)
        except (RedisError, OSError, ServiceError):
            return False
        await asyncio.sleep(0)
        return number in self.news

    async def heals(self) -> None:
        """Return when it works again, which it must in time; each event was read, under one id."""
        await eventually(self.works, within=HEAL_SECONDS)
        assert sorted(self.events) == list(range(1, self.written + 1))
        assert all(len(ids) == 1 for ids in self.events.values())
        assert not self._service.failed.is_set()

    async def told(self, text: str) -> None:
        """Return when readiness says so, somewhere."""

        async def so() -> bool:
            return any(text in detail for detail in (await self.faults()).values())

        await eventually(so)


@pytest.fixture
async def system(own_bus: ValkeyServer, database: Database, database_url: str) -> AsyncIterator[System]:
    """It runs and works, on a bus of its own."""
    settings = DatabaseSettings(database_url=service_url(database_url, "strategy"))
    async with way_to(own_bus.url) as way:
        service = Service("strategy", Settings(bus_url=way.url, drain_seconds=1))
        service.database(settings, relay=True)
        system = System(own_bus, way, service, database)
        async with service.running():
            await system.write()
            await system.heals()
            yield system
        await system.operator.aclose()


async def flush(system: System) -> None:
    """Wipe everything."""
    await system.operator.flushall()


async def delete_streams(system: System) -> None:
    """Delete what is read."""
    await system.operator.delete(STREAM, PROGRESS, "aurelius.rpc.strategy")


async def destroy_groups(system: System) -> None:
    """Destroy the groups through which is read."""
    await system.operator.xgroup_destroy(STREAM, "strategy")
    await system.operator.xgroup_destroy("aurelius.rpc.strategy", "strategy")


async def forget_scripts(system: System) -> None:
    """As after a failover: scripts are not replicated."""
    await system.operator.script_flush()


async def crash(system: System) -> None:
    """Kill it; it comes back with its data."""
    await system.server.restart()


async def lose_the_disk(system: System) -> None:
    """Kill it; it comes back with nothing."""
    await system.server.roll_back()


async def reset_connections(system: System) -> None:
    """All of them, at once."""
    system.way.cut()


async def silence_connections(system: System) -> None:
    """They stay open, half: what is sent arrives nowhere."""
    system.way.fall_silent()


@pytest.mark.parametrize(
    "fault",
    [
        *(flush, delete_streams, destroy_groups, forget_scripts, crash, lose_the_disk),
        *(reset_connections, silence_connections),
    ],
)
async def test_what_is_over_at_once(system: System, fault: Callable[[System], Awaitable[None]]) -> None:
    """Twice, with changes before, meanwhile and afterwards."""
    for _ in range(2):
        await system.write()
        await asyncio.gather(fault(system), system.write())
        await system.write()
        await system.heals()


async def test_an_older_file(system: System) -> None:
    """The bus comes back as it was some events ago."""
    copy = await system.server.copy()
    await system.write(20)
    await system.heals()
    await system.write()
    await system.server.roll_back(copy)
    await system.heals()
    assert len(await entries(system.operator, STREAM)) == system.written


async def test_a_bus_that_takes_nothing_for_want_of_memory(system: System) -> None:
    """Events wait, and readiness says why."""
    await system.operator.config_set("maxmemory", "1")
    await system.write()
    await system.told("refuses: OOM")
    await system.operator.config_set("maxmemory", "0")
    await system.heals()


async def test_a_replica_that_serves_no_stale_data(system: System) -> None:
    """It answers nothing while its master is away."""
    await system.operator.config_set("replica-serve-stale-data", "no")
    await system.operator.replicaof("127.0.0.1", 1)
    await system.write()
    await system.told("refuses: MASTERDOWN")
    await system.operator.replicaof("NO", "ONE")
    await system.heals()


async def test_a_failover_to_a_replica(system: System) -> None:
    """First the way leads to the replica, which takes no writes yet, then it is promoted. What it lacked comes back."""
    async with valkey_server(kind="bus") as other, Redis.from_url(other.url, protocol=2) as replica:
        await follow(replica, system)
        await system.write()
        await system.heals()

        async def copied() -> bool:
            return len(await entries(replica, STREAM)) == system.written

        await eventually(copied)
        await replica.replicaof("127.0.0.1", 1)  # it lags from now on
        await system.write(10)
        await system.heals()
        system.way.lead_to(other.url)
        await system.write()
        await system.told("refuses: READONLY")
        await replica.replicaof("NO", "ONE")
        await system.heals()
        assert len(await entries(replica, STREAM)) == system.written
        system.way.cut()


async def follow(replica: Redis, system: System) -> None:
    """Make a server a replica of the system's, with its users."""
    await system.operator.config_set("repl-diskless-sync-delay", 0)
    settings = system.operator.connection_pool.connection_kwargs
    await replica.acl_setuser(settings["username"], enabled=True, passwords=[f"+{settings['password']}"])
    await replica.config_set("masteruser", settings["username"])
    await replica.config_set("masterauth", settings["password"])
    await replica.replicaof("127.0.0.1", settings["port"])


async def test_a_bus_that_is_still_reading_its_file(system: System) -> None:
    """It is there, and says that it is loading."""
    async with system.operator.pipeline(transaction=False) as pipeline:
        for _ in range(4000):
            pipeline.incr("much")
        await pipeline.execute()
    await system.server.copy()
    system.server.configure("key-load-delay 500")
    restarting = asyncio.create_task(system.server.restart())
    await system.write()
    await system.told("refuses: LOADING")
    await restarting
    await system.heals()


async def test_a_stream_that_goes_on_from_a_clock_set_back(system: System) -> None:
    """Its ids are lower than those that readers without a group remember; they read them all the same."""
    for stream in (PROGRESS, system._caller.stream):
        future = int((await system.operator.xinfo_stream(stream))["last-generated-id"].partition(b"-")[0]) + 3_600_000
        await system.operator.xadd(stream, {"n": "of tomorrow"}, id=f"{future}-0")

    async def read() -> bool:
        return b"of tomorrow" in system.news and system._caller._read.startswith(str(future).encode())

    await eventually(read)
    await system.operator.flushall()
    await system.heals()
