"""Who is measured: gateways of one running platform, the monolith on servers of its own, a bare application."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import psutil

from bench.caching.data import Data, copied, made
from bench.ending import program_of
from bench.peers.monolith.tokens import token_for
from bench.serving import bare
from bench.serving.processors import families, keep_on
from deploy.local.ports import free_ports
from tests.databases import fresh_database
from tests.e2e.platform import Platform, platform
from tests.servers import postgres_server, valkey_server

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30.0
BARE = "bare application"
SECRET = "the monolith signs its tokens with this, in a bench alone"

# What the server writes itself, whatever the application says.
_OF_THE_SERVER = (b"server", b"date")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that answers, and `behind` it all the processes that work for it, caches and databases among them.

    `from_cache` is how the Cache-Status of what is measured begins; the peer sends none.
    """

    name: str
    url: str
    process: psutil.Process
    behind: Sequence[psutil.Process] = field(default=(), repr=False)
    from_cache: str = ""
    ours: bool = True

    def everything(self) -> list[psutil.Process]:
        """All processes that work for it, itself among them."""
        return families([self.process, *self.behind])

    def headers(self, data: Data) -> dict[str, str]:
        """What authenticates the owner here."""
        if self.ours:
            return data.owner.headers
        return {"Authorization": f"Bearer {token_for(UUID(data.owner.user_id), SECRET)}"}


@dataclass(frozen=True, slots=True)
class Servers:
    """Everyone but the bare application, which is started for each answer. `local` is None where there is no L1."""

    running: Platform
    data: Data
    local: Contender | None
    shared: Contender
    off: Contender
    monolith: Contender
    monolith_off: Contender

    @property
    def default(self) -> Contender:
        """The gateway as it is started without any setting."""
        return self.local or self.shared


@asynccontextmanager
async def serving(folder: Path, strategies: int, server: set[int], others: set[int]) -> AsyncIterator[Servers]:
    """Run them all, with the same data, each measured one on the processor that is for it."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(platform(folder))
        data = await made(await stack.enter_async_context(running.client()), folder, strategies)
        default = gateway_of(running)
        behind = [running.launcher]
        no_local, no_cache = [
            await stack.enter_async_context(further_gateway(default, more))
            for more in ({"CACHE_L1_BYTES": "0"}, {"REDIS_ENABLED": "false"})
        ]
        shared = Contender("gateway, L2", no_local[1], no_local[0], behind, "aurelius-l2; hit")
        off = Contender("gateway, no cache", no_cache[1], no_cache[0], behind, "aurelius-l2; fwd=bypass")
        monolith, monolith_off = await stack.enter_async_context(_monoliths(data))
        found = Servers(running, data, None, shared, off, monolith, monolith_off)
        if await _has_local(running.base_url, data):
            local = Contender("gateway, L1", running.base_url, default, behind, "aurelius-l1; hit")
            found = Servers(running, data, local, shared, off, monolith, monolith_off)
        everybody = families([psutil.Process()])
        for process in everybody:
            keep_on(process, others)
        for process in (default, *(each.process for each in (shared, off, monolith, monolith_off))):
            keep_on(process, server)
        yield found
        # A stop has its time, and there is much to stop.
        for process in everybody:
            keep_on(process, server | others)


def gateway_of(running: Platform) -> psutil.Process:
    """Return the process that answers."""
    return service_of(running, "gateway")


def service_of(running: Platform, name: str) -> psutil.Process:
    """Return the process of a service."""
    [found] = [each for each in running.processes(f"services.{name}") if "-m" in each.cmdline()]
    return found


@asynccontextmanager
async def further_gateway(
    like: psutil.Process, environ: Mapping[str, str], log: Path | None = None
) -> AsyncIterator[tuple[psutil.Process, str]]:
    """Run one more gateway of the platform, with other settings; it writes to `log`, or where this process writes."""
    (port,) = free_ports(1, "127.0.0.1")
    url = f"http://127.0.0.1:{port}"
    given = {**like.environ(), **environ, "PORT": str(port)}
    async with program("services.gateway", environ=given, log=log) as process:
        await answers(f"{url}/health/ready")
        yield process, url


@asynccontextmanager
async def _monoliths(data: Data) -> AsyncIterator[tuple[Contender, Contender]]:
    """The peer with its cache and without, on servers of its own."""
    async with AsyncExitStack() as stack:
        before = psutil.Process().children(recursive=True)
        postgres = await stack.enter_async_context(postgres_server())
        database = await stack.enter_async_context(fresh_database(postgres))
        cache = await stack.enter_async_context(valkey_server(kind="cache"))
        behind = [each for each in psutil.Process().children(recursive=True) if each not in before]
        await copied(data, database)
        found = []
        for name, url in (("monolith", cache.url), ("monolith, no cache", "")):
            (port,) = free_ports(1, "127.0.0.1")
            own = {"DATABASE_URL": database, "REDIS_URL": url, "SECRET_KEY": SECRET, "PORT": str(port)}
            module = "bench.peers.monolith"
            process = await stack.enter_async_context(program(module, environ={**os.environ, **own}))
            address = f"http://127.0.0.1:{port}"
            await answers(f"{address}/openapi.json")
            found.append(Contender(name, address, process, behind, ours=False))
        yield found[0], found[1]


@asynccontextmanager
async def bare_application(answer: bare.Answer, folder: Path, processors: set[int]) -> AsyncIterator[Contender]:
    """Run an application that has this one answer."""
    (port,) = free_ports(1, "127.0.0.1")
    kept = [header for header in answer.headers if header[0] not in _OF_THE_SERVER]
    file = folder / f"answer-{port}.json"
    file.write_bytes(msgspec.json.encode(bare.Answer(answer.status, kept, answer.body)))
    async with program("bench.serving.bare", str(port), str(file), environ=os.environ) as process:
        url = f"http://127.0.0.1:{port}"
        await answers(url)
        keep_on(process, processors)
        yield Contender(BARE, url, process)


@asynccontextmanager
async def program(
    module: str, *arguments: str, environ: Mapping[str, str], log: Path | None = None
) -> AsyncIterator[psutil.Process]:
    """Run a module of this checkout until the end; what it logs goes to `log`, or where this process writes."""
    with nullcontext() if log is None else log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *program_of(module, *arguments),
            cwd=ROOT,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), READY_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def answers(url: str) -> None:
    """Wait until a URL answers 200."""
    async with httpx.AsyncClient() as client, asyncio.timeout(READY_SECONDS):
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def _has_local(url: str, data: Data) -> bool:
    """Whether the gateway answers what it has been asked before out of its own memory."""
    async with httpx.AsyncClient(base_url=url, headers=data.owner.headers) as client:
        for _ in range(20):
            answer = await client.get(f"/api/v1/strategies/{data.strategy_ids[0]}")
            if answer.headers.get("cache-status", "").startswith("aurelius-l1; hit"):
                return True
            await asyncio.sleep(0.05)
    return False
