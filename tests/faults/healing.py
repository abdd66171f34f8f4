"""How long the system takes until all of it works again: every process ready, a write, a read, a job."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Collection

import httpx

from deploy.local.program import ROOT
from tests.faults.client import Client
from tests.faults.cluster import Cluster
from tests.faults.load import SPEC
from tests.faults.schedule import HEAL_SECONDS

GIVE_UP_SECONDS = 60.0
LOOK_SECONDS = 0.1
ASK_SECONDS = 0.4
"""Between two tries: one that a fault has swallowed must not stand for the whole system until it times out."""
STARTS = 5.0
"""Of an interpreter with the engine: healing may take so many where starting takes longer than a second."""

Try = Callable[[], Awaitable[bool]]


class Healing:
    """Looks at one system as a client, whose requests are in the journal like everybody's."""

    def __init__(self, cluster: Cluster, client: Client, dataset: str, *, first_number: int) -> None:
        self._cluster = cluster
        self._client = client
        self._dataset = dataset
        self._number = first_number
        self._replaced = ""
        self._killed: frozenset[int] = frozenset()
        self._http = httpx.AsyncClient(timeout=2, trust_env=False)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def seconds(self, replaced: str = "", killed: Collection[int] = ()) -> dict[str, float | None]:
        """By what has to work: after how many seconds from now it did; None when it did not.

        A process that was `killed` (its id) is to be `replaced` (a fault's target) by another: what is ready before
        that has only not seen it yet.
        """
        self._replaced, self._killed = replaced, frozenset(killed)
        asked = {"write": self._write, "read": self._read, "job": self._job}
        found = await asyncio.gather(
            self._until(self._ready, LOOK_SECONDS, hedged=False),
            *(self._until(attempt, ASK_SECONDS, hedged=True) for attempt in asked.values()),
        )
        return dict(zip(("ready", *asked), found, strict=True))

    async def _until(self, attempt: Try, pause: float, *, hedged: bool) -> float | None:
        """Try again and again until one try works; with `hedged` without waiting for those before."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        tries: set[asyncio.Task[bool]] = set()
        try:
            while loop.time() - began < GIVE_UP_SECONDS:
                if hedged or not tries:
                    tries.add(asyncio.create_task(_quietly(attempt)))
                done, tries = await asyncio.wait(tries, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if any(each.result() for each in done):
                    return loop.time() - began
                if done:
                    await asyncio.sleep(pause)
            return None
        finally:
            # Those that are under way come to their end, so that the journal is whole.
            if tries:
                await asyncio.wait(tries)

    async def _ready(self) -> bool:
        """Every process says that it is, and the gateway that the whole is."""
        if self._killed and not self._cluster.has_replaced(self._replaced, self._killed):
            return False
        if any(await asyncio.gather(*(self._cluster.unready(name) for name in list(self._cluster.instances)))):
            return False
        answer = await self._http.get(f"{self._cluster.address}/health")
        return bool(answer.json()["status"] == "ok")

    async def _write(self) -> bool:
        self._number += 1
        mark = f"{self._client.lane}.{self._number}"
        body = {"name": mark, "description": mark, "spec": SPEC}
        answer = await self._client.write("strategy.create", "POST", "/strategies", mark=mark, body=body, tries=1)
        return answer is not None and answer.status_code == 201

    async def _read(self) -> bool:
        answer = await self._client.read("strategy.list", "/strategies?limit=10", token=False, fresh=True)
        return answer is not None and answer.status_code == 200

    async def _job(self) -> bool:
        self._number += 1
        number = self._number
        body = {"spec": SPEC, "dataset_id": self._dataset, "execution": {"initial_cash": float(number)}}
        answer = await self._client.write(
            "backtest.create", "POST", "/backtests", mark=number, body=body, wait=5, tries=1
        )
        return answer is not None and answer.status_code == 200 and answer.json()["status"] == "succeeded"


async def _quietly(attempt: Try) -> bool:
    try:
        return await attempt()
    except (httpx.HTTPError, ValueError, KeyError):
        return False


async def allowed_seconds() -> float:
    """In how many seconds a fault has to be healed on this machine as busy as it is at the moment.

    What is healed is, in the worst case, one interpreter with the engine after another that starts.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import services.backtest.worker", cwd=ROOT)
    try:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return max(HEAL_SECONDS, STARTS * (loop.time() - began))
