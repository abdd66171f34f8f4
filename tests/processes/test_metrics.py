"""Counters agree with who asks, to the request, over kills of the metrics service and restarts of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from redis.asyncio import Redis

from services.metrics.history import place_of, read_kept
from shared.contracts.streams import TIMINGS
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import Program
from tests.processes.services import Servers

pytestmark = pytest.mark.integration

STOP = 10.0
START = 30.0
ROUTE = "/health/live"
COUNTED = (
    f'aurelius_http_requests_total{{method="GET",route="{ROUTE}",status="200"}}',
    f'aurelius_http_request_duration_seconds_count{{method="GET",route="{ROUTE}",status_class="2xx"}}',
)


class Client:
    """Asks a gateway, and knows how often it was answered."""

    def __init__(self) -> None:
        self.answered = 0
        self._least = 0.0

    async def ask(self, gateway: Program, times: int) -> None:
        """Ask so often, some at a time."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
            for _ in range(times // 5):
                answers = await asyncio.gather(*(client.get(ROUTE) for _ in range(5)))
                self.answered += sum(answer.status_code == 200 for answer in answers)

    async def agrees(self, gateway: Program) -> bool:
        """Say whether the metrics count what this client was answered; that they never fall is insisted on."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
            answer = await client.get("/metrics", headers={"Accept": "text/plain"})
        if answer.status_code != 200:
            return False
        lines = answer.text.splitlines()
        requests, durations = (
            sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)) for name in COUNTED
        )
        assert self._least <= requests, "a counter has fallen"
        assert requests <= self.answered, "something was counted twice"
        assert durations == requests
        self._least = requests
        return requests == self.answered


@pytest.fixture
async def redis(bus_url: str) -> AsyncIterator[Redis]:
    """The bus, seen from outside."""
    async with Redis.from_url(bus_url, protocol=2) as client:
        yield client


@asynccontextmanager
async def ready(servers: Servers, name: str) -> AsyncIterator[Program]:
    """Run a service until it is ready."""
    async with servers.run(name) as process:
        await eventually(process.is_ready, within=START)
        yield process


async def test_nothing_is_lost_or_doubled_by_a_kill_or_a_restart(servers: Servers, redis: Redis) -> None:
    """The metrics service is killed while requests come, and once more when the bus has forgotten all timings; the
    gateway is stopped right behind a request, with what it has counted in its last second.
    """
    client = Client()
    async with AsyncExitStack() as gateways:
        first = await gateways.enter_async_context(ready(servers, "gateway"))
        async with ready(servers, "metrics") as metrics:
            await client.ask(first, 300)
            await eventually(lambda: client.agrees(first), within=START)
            asking = asyncio.create_task(client.ask(first, 300))
            await metrics.kill()
            await asking
        async with ready(servers, "metrics") as metrics:
            await eventually(lambda: client.agrees(first), within=START)
            second = await gateways.enter_async_context(ready(servers, "gateway"))
            await client.ask(first, 100)
            first.process.terminate()
            assert await first.ended(STOP) == 0
            await eventually(lambda: client.agrees(second), within=START)
            await until_kept(redis)
            await metrics.kill()
        await redis.xtrim(TIMINGS, maxlen=0, approximate=False)  # of the first gateway nothing is left there
        async with ready(servers, "metrics"):
            await client.ask(second, 100)
            await eventually(lambda: client.agrees(second), within=START)


async def until_kept(redis: Redis) -> None:
    """Wait until the totals of all that is on the stream now are kept."""
    newest = place_of((await redis.xinfo_stream(TIMINGS))["last-generated-id"])

    async def is_kept() -> bool:
        kept = await read_kept(redis)
        return kept is not None and kept.place >= newest

    await eventually(is_kept, within=START)
