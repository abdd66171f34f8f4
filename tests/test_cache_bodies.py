"""Whole answers compared in the composed system: bytes changed under a version that stays are found, and forgotten."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from services.gateway import app as gateway
from services.gateway.core.codings import compress
from services.gateway.edge import Edge
from services.gateway.settings import GatewaySettings
from services.invalidator import app as invalidator
from services.invalidator.settings import InvalidatorSettings
from services.invalidator.tests.entries import event_fields
from services.metrics import app as metrics
from services.metrics import cache_samples, cache_streams
from services.metrics.settings import MetricsSettings
from services.strategy import app as strategy
from services.strategy.settings import StrategySettings
from services.strategy.tests.fakes import report_on
from shared.cache.keys import entry_key
from shared.cache.local import LocalCache
from shared.contracts.messages import AcceptSpec
from shared.contracts.objects import strategy_object
from shared.contracts.streams import event_stream
from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.eventually import eventually
from tests.databases import service_url
from tests.seconds import allowed

pytestmark = pytest.mark.integration

KEY = "0123456789abcdef" * 4
PASSWORD = "correct horse battery staple"
LONG = "x" * 2000
"""More than is sent without a coding."""
SPEC = {"entry_long": "crossover(sma(close, 5), sma(close, 20))"}


async def accept(message: AcceptSpec, _: Call) -> Answer:
    """Answer as the backtest service does of a specification that can be run."""
    return Answer(report_on(message.spec))


class System:
    """A strategy that `path` names, read by its owner through two processes of the gateway."""

    def __init__(self, clients: list[httpx.AsyncClient], own: list[LocalCache], cache: Redis, bus: Redis) -> None:
        self.clients = clients
        self.own = own
        self._cache = cache
        self._bus = bus
        self._headers: dict[str, str] = {}
        self._events = 0
        self.path = ""

    async def begin(self) -> None:
        """Register somebody with a strategy."""
        client, account = self.clients[0], {"email": "ana@example.com", "password": PASSWORD}
        (await client.post("/auth/register", json={**account, "name": "Ana"})).raise_for_status()
        tokens = await client.post("/auth/login", json=account)
        self._headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        strategy = {"name": "first", "description": LONG, "spec": SPEC}
        made = await client.post("/strategies", json=strategy, headers=self._headers)
        self.path = f"/strategies/{made.json()['id']}"

    async def read(self, process: int) -> tuple[str, str]:
        """Return the strategy's name as one process answers it, and where the answer came from."""
        answer = await self.clients[process].get(self.path, headers=self._headers)
        return answer.json()["name"], answer.headers["cache-status"]

    async def cached(self, process: int, where: str) -> str:
        """Read until the answer comes from there; returns the name."""
        async with asyncio.timeout(allowed(10)):
            while True:
                name, status = await self.read(process)
                if status == where:
                    return name
                await asyncio.sleep(0.01)

    async def change_in_the_cache(self) -> None:
        """Give the cache server other bytes, of the same length and under the same version."""
        key = entry_key(strategy_object(self.path.rpartition("/")[2]), "doc")
        body = await self._cache.hget(key, "body")
        assert isinstance(body, bytes)
        await self._cache.hset(key, "body", body.replace(b"first", b"other"))

    def change_in_a_coding(self, process: int) -> bool:
        """Give a process other bytes in the codings that it holds of what it answers; False where it holds none."""
        (held,) = self.own[process].serving(strategy_object(self.path.rpartition("/")[2]), 0.0)
        for coding in held.coded:
            held.coded[coding] = compress(held.entry.body.replace(b"first", b"other"), coding)
            held.ready = {way: ready.with_body(held.coded[coding]) for way, ready in held.ready.items()}
        return bool(held.coded)

    async def look(self) -> None:
        """Have the checker look, by an event that says nothing new, of a service that says nothing here."""
        self._events += 1
        fields = dict[FieldT, EncodableT](event_fields({strategy_object(self.path.rpartition("/")[2]): 1}).items())
        await self._bus.xadd(event_stream("backtest"), fields, id=f"{self._events}-0")

    async def compared(self) -> bool:
        """Have the checker look, and say whether answers of all three were compared."""
        await self.look()
        return {"l1", "l2", "database"} <= (await self.counted("probes")).keys()

    async def counted(self, name: str) -> dict[str, float]:
        """Return what is not 0 of a counter of whole answers, by its other labels."""
        text = (await self.clients[0].get("http://gateway/metrics", headers={"Accept": "text/plain"})).text
        counted = {}
        for series, value in re.findall(rf"^aurelius_cache_{name}_total{{(.*)}} (\S+)$", text, re.MULTILINE):
            labels = dict(re.findall(r'(\w+)="(\w+)"', series))
            if labels.pop("kind") == "body" and float(value):
                counted[" ".join(labels[label] for label in sorted(labels))] = float(value)
        return counted


@pytest.fixture
async def system(owner_url: str, bus_url: str, cache_url: str, tmp_path: Path) -> AsyncIterator[System]:
    """All services but the one that computes, of which a stand-in takes specifications; every look goes deep."""
    backtest = Service("backtest", Settings(bus_url=bus_url))
    backtest.requests().handle(AcceptSpec, accept)
    gateways = [
        gateway.compose(GatewaySettings(secret_key=KEY, data_dir=tmp_path, bus_url=bus_url, redis_url=cache_url))
        for _ in range(2)
    ]
    services = [
        backtest,
        strategy.compose(
            StrategySettings(
                database_url=service_url(owner_url, "strategy"),
                secret_key=KEY,
                data_dir=tmp_path,
                bus_url=bus_url,
                redis_url=cache_url,
            )
        ),
        invalidator.compose(InvalidatorSettings(data_dir=tmp_path, bus_url=bus_url, redis_url=cache_url)),
        metrics.compose(
            MetricsSettings(data_dir=tmp_path, bus_url=bus_url, redis_url=cache_url, cache_bodies_one_in=1)
        ),
        *gateways,
    ]
    async with AsyncExitStack() as stack:
        cache = await stack.enter_async_context(Redis.from_url(cache_url, protocol=2))
        bus = await stack.enter_async_context(Redis.from_url(bus_url, protocol=2))
        for service in services:
            await stack.enter_async_context(service.running())
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app=each.http),
                    base_url="http://gateway/api/v1",
                )
            )
            for each in gateways
        ]
        own = [each.http._short._local for each in gateways if isinstance(each.http, Edge) and each.http._short]
        system = System(clients, own, cache, bus)
        await system.begin()
        yield system


async def test_other_bytes_under_the_same_version_are_found_and_forgotten(system: System) -> None:
    """In the cache server, and in a process that was given them from there, with what it has made of them in a coding;
    who holds the right ones is not accused.
    """
    assert await system.cached(0, "aurelius-l1; hit") == "first"
    await system.change_in_the_cache()
    assert await system.cached(1, "aurelius-l1; hit") == "other"

    await _found_and_forgotten(system, {"l1 0s": 2, "l2 0s": 1})


async def test_other_bytes_in_a_coding_alone_are_found_and_forgotten(system: System) -> None:
    """In the process that would send them; what they were made of is right, and so is all the rest."""
    for process in (0, 1):
        assert await system.cached(process, "aurelius-l1; hit") == "first"
    assert system.change_in_a_coding(1)
    assert await system.cached(1, "aurelius-l1; hit") == "other"

    await _found_and_forgotten(system, {"l1 0s": 1})


async def _found_and_forgotten(system: System, inconsistencies: dict[str, float]) -> None:
    """Look until something is found, which has to be that, and the other gateway answers what is right again."""

    async def found() -> bool:
        await system.look()
        return bool(await system.counted("inconsistencies"))

    async def forgotten() -> bool:
        return (await system.read(1))[0] == "first"

    await eventually(found, within=20)
    assert await system.counted("inconsistencies") == inconsistencies
    await eventually(forgotten)


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event is heard of, and an object is drawn many times a second."""
    monkeypatch.setattr(cache_streams, "changed_by", lambda _: ([], ""))
    monkeypatch.setattr(cache_samples, "SECONDS", 0.1)


@pytest.mark.usefixtures("drawing")
async def test_what_nobody_has_changed_is_looked_at_too(system: System) -> None:
    """Without a word about it; it is found and forgotten all the same."""
    assert await system.cached(0, "aurelius-l1; hit") == "first"
    await system.change_in_the_cache()
    assert await system.cached(1, "aurelius-l1; hit") == "other"

    async def found() -> bool:
        return bool(await system.counted("inconsistencies"))

    async def forgotten() -> bool:
        return (await system.read(1))[0] == "first"

    await eventually(found, within=20)
    await eventually(forgotten)


async def test_in_health_all_answers_are_alike(system: System) -> None:
    """Of both levels, of two processes, and of the service that each of them asks."""
    for process in (0, 1):
        await system.cached(process, "aurelius-l1; hit")
    await eventually(system.compared, within=20)
    assert await system.counted("inconsistencies") == {}
