"""What a process answers to who checks its cache, on a real bus."""

import contextlib
from collections.abc import AsyncIterator
from typing import cast

import msgspec
import pytest

from services.gateway.cache_probes import CacheProbes
from services.gateway.core.etags import etag_of
from services.gateway.recipes import Recipes
from services.gateway.tests.fakes import FakeServices
from shared.cache.keys import variant_segment
from shared.cache.local import LocalCache
from shared.cache.record import Entry, digest_of
from shared.contracts.cache_probes import CacheProbe, CacheShown
from shared.contracts.messages import ReadStrategy
from shared.contracts.streams import CACHE_PROBES, CACHE_SHOWN
from shared.contracts.values import Principal
from shared.runtime.bus.connection import make_client
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready

pytestmark = pytest.mark.integration


class Clock:
    """One that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def held(version: int) -> LocalCache:
    """A cache that serves one strategy until 10."""
    local = LocalCache(1 << 20)
    local.opened()
    local.fresh_until = 10.0
    flight = local.begin("strategy:1")
    local.keep(flight, "doc", Entry(version, '"1"', "owner", b"x"), 100.0, 100.0)
    local.end(flight)
    return local


@contextlib.asynccontextmanager
async def answering(bus_url: str, clock: Clock) -> AsyncIterator[Service]:
    """Two processes of the gateway."""
    async with contextlib.AsyncExitStack() as stack:
        for version in (3, 4):
            service = Service("gateway", Settings(bus_url=bus_url))
            recipes = Recipes(FakeServices())
            CacheProbes(service.broker, service.writer, f"gateway-{version}", held(version), clock, recipes)
            await stack.enter_async_context(service.running())
        yield service


async def test_every_process_tells_what_it_would_serve_now(bus_url: str) -> None:
    """And nothing of what it would not: here, when it has not heard of the cache server for too long."""
    clock = Clock()
    probe = CacheProbe(id="a", objects=["strategy:1", "strategy:2"])
    async with make_client(bus_url) as client, answering(bus_url, clock):

        async def ask(number: int) -> set[tuple[str, int | None]]:
            await client.xadd(CACHE_PROBES, {"probe": msgspec.json.encode(probe)})

            async def all_answered() -> bool:
                return await client.xlen(CACHE_SHOWN) == number

            await eventually(all_answered)
            rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrevrange(CACHE_SHOWN, count=2))
            shown = [msgspec.json.decode(fields[b"shown"], type=CacheShown) for _, fields in rows]
            assert {each.probe for each in shown} == {"a"}
            assert not any("strategy:2" in each.versions for each in shown)
            return {(each.process, each.versions.get("strategy:1")) for each in shown}

        await client.xadd(CACHE_PROBES, {"probe": b"{", "else": b"x"})
        assert await ask(2) == {("gateway-3", 3), ("gateway-4", 4)}
        clock.now = 10.0
        assert await ask(4) == {("gateway-3", None), ("gateway-4", None)}


async def test_its_answers_are_shown_with_those_of_the_service(bus_url: str) -> None:
    """Of the first object alone, each under its name in the cache server; however often it is asked, one by one."""
    services, local, heard = FakeServices(), held(3), list[CacheShown]()
    services.handlers[ReadStrategy.METHOD] = lambda *_: ({"name": "n"}, {"strategy:1": 4})
    recipes = Recipes(services)
    recipes.note("strategy:1", "q=" + "x" * 100, ReadStrategy(id="1"), Principal(user_id="ana"))
    service = Service("gateway", Settings(bus_url=bus_url))
    probes = CacheProbes(service.broker, service.writer, "gateway-1", local, Clock(), recipes)
    service.background(probes.run)
    async with make_client(bus_url) as client, service.running():
        for number in range(3):
            probe = CacheProbe(id=str(number), objects=["strategy:1", "strategy:2"], answers=True)
            await client.xadd(CACHE_PROBES, {"probe": msgspec.json.encode(probe)})

            async def answered() -> bool:
                return await client.xlen(CACHE_SHOWN) == number + 1  # noqa: B023  # awaited in this turn

            await eventually(answered)
        rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange(CACHE_SHOWN))
        heard = [msgspec.json.decode(fields[b"shown"], type=CacheShown) for _, fields in rows]
    assert [shown.probe for shown in heard] == ["0", "1", "2"]
    for shown in heard:
        assert (shown.process, shown.versions) == ("gateway-1", {})
        mine, made = shown.answers
        assert (mine.variant, mine.by, mine.version) == ("doc", "l1", 3)
        assert mine.digest == digest_of(Entry(3, '"1"', "owner", b"x"))
        assert (made.variant, made.by, made.version) == (variant_segment("q=" + "x" * 100), "database", 4)
        assert made.digest == digest_of(Entry(4, etag_of(b'{"name":"n"}'), "ana", b'{"name":"n"}'))


async def test_it_names_something_that_it_could_answer_about(bus_url: str) -> None:
    """Of what it holds, and of what it knows how to ask for, one at a time; nothing while it knows of nothing."""
    recipes = Recipes(FakeServices())
    recipes.note("strategy:2", "doc", ReadStrategy(id="2"), Principal(user_id="ana"))
    services = [Service("gateway", Settings(bus_url=bus_url)) for _ in range(2)]
    for service, local, known in zip(
        services, (held(3), LocalCache(0)), (recipes, Recipes(FakeServices())), strict=True
    ):
        CacheProbes(service.broker, service.writer, f"with {len(local)}", local, Clock(), known)
    named: dict[str, set[str]] = {"with 1": set(), "with 0": set()}
    async with make_client(bus_url) as client, services[0].running(), services[1].running():

        async def all_named() -> bool:
            probe = CacheProbe(id="a", objects=[], names=True)
            await client.xadd(CACHE_PROBES, {"probe": msgspec.json.encode(probe)})
            rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange(CACHE_SHOWN))
            for _, fields in rows:
                shown = msgspec.json.decode(fields[b"shown"], type=CacheShown)
                assert len(shown.names) <= 1
                named[shown.process] |= set(shown.names)
            return len(named["with 1"]) == 2 and len(rows) > 3

        await eventually(all_named)
    assert named == {"with 1": {"strategy:1", "strategy:2"}, "with 0": set()}


async def test_what_cannot_be_shown_does_not_end_the_process(bus_url: str) -> None:
    """Whatever goes wrong with the making: the next question is answered."""
    services = FakeServices()
    services.handlers[ReadStrategy.METHOD] = lambda *_: (b"{no JSON", {"strategy:1": 4})
    recipes = Recipes(services)
    recipes.note("strategy:1", "doc", ReadStrategy(id="1"), Principal(user_id="ana"))
    service = Service("gateway", Settings(bus_url=bus_url))
    probes = CacheProbes(service.broker, service.writer, "gateway-1", held(3), Clock(), recipes)
    service.background(probes.run)
    async with make_client(bus_url) as client, service.running():
        for objects in (["strategy:1"], ["strategy:2"]):
            probe = CacheProbe(id="a", objects=objects, answers=True)
            await client.xadd(CACHE_PROBES, {"probe": msgspec.json.encode(probe)})

            async def taken() -> bool:
                return probes._deep.empty() and bool(services.asked)

            await eventually(taken)

        async def answered() -> bool:
            return await client.xlen(CACHE_SHOWN) == 1

        await eventually(answered)
        assert not service.failed.is_set()


async def test_a_bus_that_does_not_let_it_read_does_not_make_it_unready(bus_url: str) -> None:
    """A checker that cannot ask is no reason to serve nobody."""
    async with make_client(bus_url) as client, answering(bus_url, Clock()) as service:
        await client.set(CACHE_PROBES, "no stream")

        async def noticed() -> bool:
            return CACHE_PROBES in service.broker.faults

        await eventually(noticed)
        assert await is_ready(service)
