"""Readiness on real servers: each thing that is lost is told by its name in two seconds, and mends by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from shared.runtime.bus import groups
from shared.runtime.bus.connection import Entry
from shared.runtime.service import Service
from shared.runtime.settings import DatabaseSettings, Settings
from shared.runtime.tests.echo import RPC, Say, echo
from shared.runtime.tests.eventually import eventually
from tests.databases import database_of, execute, service_url
from tests.frozen import frozen_postgres, frozen_server
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration

EVENTS = "aurelius.events.strategy"
TOLD_SECONDS = 2.0
HEAL_SECONDS = 8.0

Faults = dict[str, str]


class Lab:
    """A service that answers, asks and reads events, and what its bus can suffer. Reading waits for `go_on`."""

    def __init__(self, server: ValkeyServer, service: Service, redis: Redis) -> None:
        self.server = server
        self.service = service
        self.redis = redis
        self.events: list[bytes] = []
        self.busy, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def faults(self) -> Faults:
        """Return what readiness says is wrong, by check."""
        readiness = await self.service.health.ready()
        found = {name: result.detail for name, result in readiness.checks.items() if result.status != "ok"}
        assert (readiness.status == "ok") is (not found)
        return found

    async def told(self, **expected: str) -> None:
        """Return when readiness says this, which it must in time."""

        async def so() -> bool:
            found = await self.faults()
            return expected.items() <= found.items()

        await eventually(so, within=TOLD_SECONDS)

    async def heals(self) -> None:
        """Return when it is ready again and does its work: events are read, and requests are taken."""

        async def well() -> bool:
            return not await self.faults()

        await eventually(well, within=HEAL_SECONDS)
        number = str(len(self.events)).encode()
        await self.redis.xadd(EVENTS, {"number": number})

        async def read() -> bool:
            return number in self.events

        await eventually(read, within=HEAL_SECONDS)


@pytest.fixture
async def lab(own_bus: ValkeyServer) -> AsyncIterator[Lab]:
    """A running service on a bus of its own."""
    service = Service("echo", Settings(bus_url=own_bus.url, drain_seconds=1))
    async with Redis.from_url(own_bus.url, protocol=2) as redis:
        lab = Lab(own_bus, service, redis)

        async def read(entries: list[Entry]) -> None:
            lab.busy.set()
            await lab.go_on.wait()
            lab.events += [entry.fields[b"number"] for entry in entries]

        service.caller()
        service.requests().handle(Say, echo)
        service.consume(EVENTS, read)
        async with service.running():
            assert await lab.faults() == {}
            yield lab


async def test_a_lost_bus(lab: Lab) -> None:
    """Killed, and started again."""
    await lab.server.kill()
    await lab.told(bus="does not answer")
    await lab.server.restart()
    await lab.heals()


async def test_a_bus_that_hangs(lab: Lab) -> None:
    """Connections stay, answers do not come: told in time all the same."""
    async with frozen_server(lab.server.url):
        await lab.told(bus="does not answer")
    await lab.heals()


async def test_a_bus_that_takes_no_writes(lab: Lab) -> None:
    """It was made a replica, as in a failover: it answers, and is of no use. Nor is it asked in a hurry meanwhile."""
    await lab.redis.replicaof("127.0.0.1", 1)
    await lab.told(bus="the bus, asked to take messages, refuses: READONLY")
    assert "refuses: " in (await lab.faults())["subscribers"]
    before = await commands(lab.redis)
    await asyncio.sleep(1)
    assert await commands(lab.redis) - before < 100
    await lab.redis.replicaof("NO", "ONE")
    await lab.heals()


async def commands(redis: Redis) -> int:
    """Return how many commands the server has been given."""
    return int((await redis.info("stats"))["total_commands_processed"])


async def test_a_bus_that_is_full(lab: Lab) -> None:
    """It evicts nothing, and so takes nothing."""
    await lab.redis.config_set("maxmemory", "1")
    await lab.told(bus="the bus, asked to take messages, refuses: OOM")
    await lab.redis.config_set("maxmemory", "0")
    await lab.heals()


async def test_a_bus_that_allows_too_little(lab: Lab) -> None:
    """An operator's slip in the users' rights: the right that is missing is told by what it is needed for."""
    said = await lab.redis.acl_whoami()
    user = said.decode() if isinstance(said, bytes) else said
    await lab.redis.acl_setuser(user, enabled=True, commands=["-xreadgroup"])
    await lab.told(subscribers=f"the bus, asked for {RPC}, refuses: NOPERM")
    await lab.redis.acl_setuser(user, enabled=True, commands=["+xreadgroup"])
    await lab.heals()


async def destroy_group(lab: Lab, stream: str) -> None:
    """As an operator who takes the wrong one."""
    await lab.redis.xgroup_destroy(stream, "echo")


async def delete_stream(lab: Lab, stream: str) -> None:
    """With its groups."""
    await lab.redis.delete(stream)


@pytest.mark.parametrize("stream", [RPC, EVENTS])
@pytest.mark.parametrize("lose", [destroy_group, delete_stream])
async def test_what_is_read_is_lost(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, lose: Callable[[Lab, str], Awaitable[None]], stream: str
) -> None:
    """The group, or the stream with it. The watch is slowed down here: as it is, it may mend it before it is seen."""
    monkeypatch.setattr(groups, "WATCH_SECONDS", 1.0)
    await lose(lab, stream)

    async def told() -> bool:
        said = (await lab.faults()).get("subscribers")
        return said in (f"the reader of {stream} has stopped", f"the group echo of {stream} is gone")

    await eventually(told, within=TOLD_SECONDS)
    await lab.heals()


async def test_a_group_is_missed_before_its_reader_asks(lab: Lab) -> None:
    """One that is busy with a batch does not ask; who looks at its readiness does."""
    lab.go_on.clear()
    await lab.redis.xadd(EVENTS, {"number": "busy"})
    await lab.busy.wait()
    await lab.redis.xgroup_destroy(EVENTS, "echo")
    await lab.told(subscribers=f"the group echo of {EVENTS} is gone")
    lab.go_on.set()
    await lab.heals()


async def test_a_reader_that_stopped(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whyever it did."""
    monkeypatch.setattr(groups, "WATCH_SECONDS", 1.0)
    await lab.service._servers[0].subscriber.stop()
    await lab.told(subscribers=f"the reader of {RPC} has stopped")
    await lab.heals()


async def test_a_reader_whose_task_has_ended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream says that it runs: it starts one again that failed, but not one that something in it cancelled."""
    monkeypatch.setattr(groups, "WATCH_SECONDS", 1.0)
    (task,) = lab.service._servers[0].subscriber.tasks
    task.cancel()
    await lab.told(subscribers=f"the reader of {RPC} has stopped")
    await lab.heals()


@asynccontextmanager
async def hidden(redis: Redis, key: str) -> AsyncIterator[None]:
    """Have something else under a stream's name."""
    await redis.delete(key)
    await redis.set(key, "taken")
    yield
    await redis.delete(key)


async def test_something_else_in_a_streams_place(lab: Lab) -> None:
    """Nothing can be read from it, and no group be made in it; when it is gone, all is made anew."""
    async with hidden(lab.redis, EVENTS):
        await eventually(lambda: not_ready(lab), within=TOLD_SECONDS)
        assert EVENTS in (await lab.faults())["subscribers"]
    await lab.heals()


async def not_ready(lab: Lab) -> bool:
    """Say whether it is not."""
    return bool(await lab.faults())


@asynccontextmanager
async def stored(bus_url: str, database_url: str) -> AsyncIterator[Service]:
    """Run a service with a database and its relay."""
    settings = DatabaseSettings(database_url=service_url(database_url, "strategy"))
    service = Service("strategy", Settings(bus_url=bus_url, drain_seconds=1))
    service.database(settings, relay=True)
    async with service.running():
        assert await failing(service) == {}
        yield service


async def failing(service: Service) -> Faults:
    """Return what readiness says is wrong, by check."""
    checks = (await service.health.ready()).checks
    return {name: result.detail for name, result in checks.items() if result.status != "ok"}


async def test_a_lost_database(bus_url: str, database_url: str) -> None:
    """It ended every session and lets nobody in: told by the database itself and by the relay, which needs it too."""
    name = urlsplit(database_url).path[1:]
    async with stored(bus_url, database_url) as service:

        async def told() -> bool:
            found = await failing(service)
            return found == dict.fromkeys(("database", "relay"), "The database does not answer")

        async def well() -> bool:
            return not await failing(service)

        server_url = database_of(database_url, "postgres")
        await execute(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await execute(server_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await eventually(told, within=TOLD_SECONDS)
        await execute(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await eventually(well, within=HEAL_SECONDS)


async def test_a_database_that_hangs(bus_url: str, database_url: str) -> None:
    """Its sessions stay open and answer nothing, nor does a new one come about: told in time all the same."""
    async with stored(bus_url, database_url) as service:

        async def told() -> bool:
            return (await failing(service)).get("database") == "does not answer"

        async def well() -> bool:
            return not await failing(service)

        async with frozen_postgres(database_url):
            await eventually(told, within=TOLD_SECONDS)
        await eventually(well, within=HEAL_SECONDS)
