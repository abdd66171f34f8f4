"""What a process answers to who checks its cache, on a real bus."""

import contextlib
from collections.abc import AsyncIterator
from typing import cast

import msgspec
import pytest

from services.gateway.cache_probes import CacheProbes
from shared.cache.local import LocalCache
from shared.cache.record import Entry
from shared.contracts.cache_probes import CacheProbe, CacheShown
from shared.contracts.streams import CACHE_PROBES, CACHE_SHOWN
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
            CacheProbes(service.broker, service.writer, f"gateway-{version}", held(version), clock)
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


async def test_a_bus_that_does_not_let_it_read_does_not_make_it_unready(bus_url: str) -> None:
    """A checker that cannot ask is no reason to serve nobody."""
    async with make_client(bus_url) as client, answering(bus_url, Clock()) as service:
        await client.set(CACHE_PROBES, "no stream")

        async def noticed() -> bool:
            return CACHE_PROBES in service.broker.faults

        await eventually(noticed)
        assert await is_ready(service)
