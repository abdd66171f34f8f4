"""What readers see of a gateway whose cache server, or whose way to it, fails: slower answers, never older ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.connection import make_pool
from shared.cache.feed import Feed
from shared.cache.local import LocalCache
from shared.cache.redis_store import RedisCacheStore
from shared.cache.settings import CacheSettings
from shared.cache.tests.opened import open_cache
from shared.contracts.ids import new_id
from shared.contracts.messages import ReadStrategy, Request
from shared.contracts.objects import strategy_object
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Reply
from tests.faults.proxy import Proxy
from tests.servers import ValkeyServer, valkey_server

A = TypeVar("A")

ALICE = new_id()
LEASE = 0.25
HIT, SHARED_HIT = "aurelius-l1; hit", "aurelius-l2; hit"
MISS, BYPASS = "aurelius-l2; fwd=uri-miss", "aurelius-l2; fwd=bypass"


class Strategies:
    """One strategy of Alice's for each test, written by somebody beside the gateway under test."""

    def __init__(self, floors: RedisCacheStore) -> None:
        self.id = new_id()
        self.obj = strategy_object(self.id)
        self.path = f"/api/v1/strategies/{self.id}"
        self.version = 1
        self._floors = floors

    def read(self, message: ReadStrategy, _: Principal | None) -> tuple[object, dict[str, int]]:
        """Answer with the row as it is."""
        return {"id": message.id, "revision": self.version}, {self.obj: self.version}

    async def write(self) -> int:
        """Raise the floor, commit, and return what has been committed."""
        await self._floors.raise_({self.obj: self.version + 1}, "writer")
        self.version += 1
        return self.version


class SlowServices(FakeServices):
    """Its answers are on their way until `arrive` is set; `answered` is, when one was made."""

    def __init__(self) -> None:
        super().__init__()
        self.answered, self.arrive = asyncio.Event(), asyncio.Event()
        self.arrive.set()

    async def ask(self, message: Request[A], principal: Principal | None = None, **options: Any) -> Reply:
        """Answer, sometimes late."""
        reply = await super().ask(message, principal, **options)
        self.answered.set()
        await self.arrive.wait()
        return reply


class Lab:
    """A gateway with both levels on a real server, the feed through a network that fails."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        services: SlowServices,
        strategies: Strategies,
        network: Proxy,
        local: LocalCache,
    ) -> None:
        self.client = client
        self.services = services
        self.strategies = strategies
        self.network = network
        self.local = local

    async def read(self) -> tuple[str, int]:
        """Where the answer came from, and which revision it shows."""
        answer = await self.client.get(self.strategies.path, headers=token_of(ALICE))
        assert answer.status_code == 200
        return answer.headers["cache-status"], answer.json()["revision"]

    async def until(self, status: str) -> int:
        """Read until the answer comes from there, and return its revision."""
        async with asyncio.timeout(20):
            while True:
                came_from, revision = await self.read()
                if came_from == status:
                    return revision
                await asyncio.sleep(0.01)


def at_port(url: str, port: int) -> str:
    """The same server by another port of this machine."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()


@asynccontextmanager
async def gateway_on(server: ValkeyServer, folder: Path) -> AsyncIterator[Lab]:
    """Lend a gateway on `server`, whose feed alone goes through the network."""
    network = Proxy(urlsplit(server.url).port or 0)
    await network.start()
    store, writer = RedisCacheStore(CacheSettings(url=server.url)), RedisCacheStore(CacheSettings(url=server.url))
    await open_cache(writer)
    local = LocalCache(1 << 20)
    feed = Feed(make_pool(CacheSettings(url=at_port(server.url, network.port))), local, LEASE, time.perf_counter)
    listening = asyncio.create_task(feed.run())
    services, strategies = SlowServices(), Strategies(writer)
    services.handlers["strategy.read"] = strategies.read
    try:
        async with client_of(services, store, folder, local=local) as client:
            yield Lab(client, services, strategies, network, local)
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await store.close()
        await writer.close()
        await network.close()


@pytest.fixture
async def own_server() -> AsyncIterator[ValkeyServer]:
    """A server to kill."""
    async with valkey_server(kind="cache") as server:
        yield server


@pytest.fixture
async def lab(cache_server: ValkeyServer, tmp_path: Path) -> AsyncIterator[Lab]:
    """A gateway on the server of all tests."""
    async with gateway_on(cache_server, tmp_path) as lent:
        yield lent


async def test_a_write_elsewhere_is_heard_of(lab: Lab) -> None:
    """What another process writes ends what this one holds, without an event and without a token."""
    await lab.until(HIT)
    for _ in range(5):
        written = await lab.strategies.write()
        async with asyncio.timeout(5):
            while lab.local.peek((lab.strategies.obj, "doc")) is not None:
                await asyncio.sleep(0)
        assert await lab.read() == (MISS, written)
        assert await lab.until(HIT) == written


async def test_cut_off_from_the_feed_it_answers_nothing_by_itself(lab: Lab) -> None:
    """The network to the feed is silently gone: within the lease reads go to the shared cache, which is exact."""
    await lab.until(HIT)
    lab.network.fall_silent()
    written = await lab.strategies.write()
    answers: list[tuple[str, int]] = []
    silent = time.perf_counter()
    async with asyncio.timeout(20):
        while lab.local.fresh_until > time.perf_counter():
            answers.append(await lab.read())
    # The last PONG answers a PING of before the network went; what was read since may be as old as that, no older.
    assert lab.local.fresh_until <= silent + LEASE
    assert all(revision == written for source, revision in answers if source != HIT)
    for _ in range(3):
        source, revision = await lab.read()
        assert (source != HIT, revision) == (True, written)
    lab.network.speak()
    assert await lab.until(HIT) == written


async def test_a_feed_that_is_lost_forgets(lab: Lab) -> None:
    """A reset connection may have lost announcements: nothing that was held before is served after it."""
    await lab.until(HIT)
    before = lab.local.epoch
    lab.network.reset()
    written = await lab.strategies.write()
    async with asyncio.timeout(20):
        while lab.local.epoch < before + 2:  # lost, and found again
            await asyncio.sleep(0.005)
    assert await lab.read() == (MISS, written)
    assert await lab.until(HIT) == written


async def test_a_cache_server_that_is_gone_costs_speed_only(own_server: ValkeyServer, tmp_path: Path) -> None:
    """Killed, reads go to the service and say so; back and empty, nothing is served before it is opened again."""
    async with gateway_on(own_server, tmp_path) as lab:
        await lab.until(HIT)
        await own_server.kill()
        lab.strategies.version += 1
        assert await lab.until(BYPASS) == lab.strategies.version
        await own_server.restart()
        lab.strategies.version += 1
        for _ in range(3):
            assert await lab.read() == (BYPASS, lab.strategies.version)
        opener = RedisCacheStore(CacheSettings(url=own_server.url))
        await open_cache(opener)
        await opener.close()
        assert await lab.until(HIT) == lab.strategies.version


async def test_a_slow_reader_leaves_nothing_old_behind(lab: Lab) -> None:
    """One that has read the old row when a write is committed is answered with it, and neither level keeps it."""
    lab.services.arrive.clear()
    reader = asyncio.create_task(lab.read())
    async with asyncio.timeout(10):
        await lab.services.answered.wait()
    written = await lab.strategies.write()
    lab.services.arrive.set()
    assert await reader == (MISS, written - 1)
    assert await lab.read() == (MISS, written)
    assert await lab.until(HIT) == written
