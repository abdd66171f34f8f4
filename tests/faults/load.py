"""The load: owners with two lanes each, that read and write strategies, datasets, backtests and sweeps."""

import asyncio
import contextlib
import io
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.client import Client
from tests.faults.journal import Journal
from tests.seconds import allowed

OWNERS = 4
LANES = 2
BARS = 1200
MOST_STRATEGIES = 8
MOST_RUNS = 12
PACE_SECONDS = 0.2
"""What a lane rests between two requests, on average: eight lanes make some 30 requests a second."""

SPEC = {
    "params": {
        "fast": {"type": "int", "min": 2, "max": 60, "default": 10},
        "slow": {"type": "int", "min": 5, "max": 240, "default": 30},
        "stop": {"type": "float", "min": 0.0, "max": 1.0, "default": 0.1},
    },
    "constraints": ["fast < slow"],
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "f > s and f[1] < s[1]",
    "exit_long": "f < s and f[1] > s[1]",
}
SWEEP = {"fast": {"start": 2, "stop": 30, "step": 1}, "slow": {"start": 10, "stop": 200, "step": 10}}
LONG_SWEEP = {
    "fast": {"start": 2, "stop": 60, "step": 1},
    "slow": {"start": 5, "stop": 240, "step": 1},
    "stop": {"start": 0.05, "stop": 0.6, "step": 0.05},
}


def bars(rng: random.Random, number: int) -> bytes:
    """A CSV file of daily bars, a random walk."""
    out = io.StringIO()
    out.write("date,open,high,low,close,volume\n")
    price = 100.0
    year, month, day = 2000, 1, 1
    for _ in range(number):
        opened, price = price, round(max(1.0, price * (1 + rng.gauss(0.0003, 0.012))), 2)
        high, low = round(max(opened, price) * 1.004, 2), round(min(opened, price) * 0.996, 2)
        out.write(f"{year}-{month:02d}-{day:02d},{opened},{high},{low},{price},{rng.randrange(1000, 99000)}\n")
        day += 1
        if day > 28:
            day, month = 1, month + 1
        if month > 12:
            month, year = 1, year + 1
    return out.getvalue().encode()


def spec(variant: int) -> dict[str, Any]:
    """One of a few specs: each owner's prefix tests are made once."""
    return {**SPEC, "params": {**SPEC["params"], "fast": {"type": "int", "min": 2, "max": 60, "default": 8 + variant}}}  # type: ignore[dict-item]


@dataclass
class Lane:
    """What one lane knows of what it made. Its own writes alone change these."""

    client: Client
    rng: random.Random
    dataset: str
    strategies: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    sweeps: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    made: int = 0

    async def step(self) -> None:
        """Do one thing."""
        (action,) = self.rng.choices(list(_ACTIONS), weights=list(_ACTIONS.values()))
        await action(self)

    @property
    def mark(self) -> str:
        """What no other write of any lane carries."""
        self.made += 1
        return f"{self.client.lane}.{self.made}"

    @property
    def number(self) -> int:
        """The same as a number."""
        self.made += 1
        return (1 + int(self.client.lane.split("-")[1]) * LANES + int(self.client.lane[-1])) * 100_000 + self.made

    @property
    def again(self) -> int:
        """Now and then a write is repeated although it was answered."""
        return int(self.rng.random() < 0.1)

    async def create_strategy(self) -> None:
        """Store a strategy, or make room for one."""
        if len(self.strategies) >= MOST_STRATEGIES:
            await self.delete_strategy()
            return
        mark = self.mark
        body = {"name": mark, "description": mark, "spec": spec(self.rng.randrange(4))}
        answer = await self.client.write(
            "strategy.create", "POST", "/strategies", mark=mark, body=body, again=self.again
        )
        if answer is not None and answer.status_code == 201:
            self._keep(answer)

    async def patch_strategy(self) -> None:
        """Rename one, now and then with another spec, half of the time only if it is as it was."""
        if (chosen := self._strategy()) is None:
            return
        body: dict[str, Any] = {"name": self.mark}
        if self.rng.random() < 0.2:
            body["spec"] = spec(self.rng.randrange(4))
        headers = {"If-Match": self.tags[chosen]} if self.rng.random() < 0.5 and chosen in self.tags else {}
        path = f"/strategies/{chosen}"
        answer = await self.client.write(
            "strategy.patch", "PATCH", path, subject=chosen, mark=body["name"], body=body, headers=headers
        )
        if answer is not None and answer.status_code == 200:
            self._keep(answer)
        else:  # what it is now has to be looked at
            self.tags.pop(chosen, None)
            await self.read_strategy(chosen)

    async def delete_strategy(self) -> None:
        """Delete one."""
        if (chosen := self._strategy()) is None:
            return
        await self.client.write("strategy.delete", "DELETE", f"/strategies/{chosen}", subject=chosen)
        del self.strategies[chosen]
        self.tags.pop(chosen, None)

    async def read_strategy(self, chosen: str | None = None) -> None:
        """Read one, now and then only if it has changed."""
        if (chosen := chosen or self._strategy()) is None:
            return
        tag = self.tags.get(chosen, "") if self.rng.random() < 0.4 else ""
        answer = await self.client.read(
            "strategy.read", f"/strategies/{chosen}", subject=chosen, token=self.rng.random() < 0.8, tag=tag
        )
        if answer is not None and answer.status_code == 200 and chosen not in self.tags:
            self._keep(answer)

    async def list_strategies(self) -> None:
        """List the owner's."""
        await self.client.read("strategy.list", "/strategies?limit=200", token=self.rng.random() < 0.8)

    async def create_backtest(self) -> None:
        """Run a stored strategy or a spec."""
        if (chosen := self._strategy()) is None:
            return
        number = self.number
        body = {
            "spec": spec(self.rng.randrange(4)),
            "dataset_id": self.dataset,
            "execution": {"initial_cash": float(number)},
            "params": {"fast": self.rng.randrange(2, 20), "slow": self.rng.randrange(25, 90)},
        }
        if self.rng.random() < 0.5:
            body = {**body, "strategy_id": chosen}
            del body["spec"]
        wait = self.rng.choice((0, 0, 3))
        answer = await self.client.write(
            "backtest.create", "POST", "/backtests", mark=number, body=body, wait=wait, again=self.again
        )
        if answer is not None and answer.is_success:
            self.runs = [*self.runs[-MOST_RUNS:], str(answer.json()["id"])]

    async def read_backtest(self) -> None:
        """Look at a run."""
        if self.runs:
            run = self.rng.choice(self.runs)
            await self.client.read("backtest.read", f"/backtests/{run}", subject=run, token=self.rng.random() < 0.8)

    async def list_backtests(self) -> None:
        """List the newest runs."""
        await self.client.read("backtest.list", "/backtests?limit=20", token=self.rng.random() < 0.8)

    async def cancel_backtest(self) -> None:
        """Cancel the last run, if it still goes on."""
        if self.runs:
            run = self.runs[-1]
            await self.client.write("backtest.cancel", "POST", f"/backtests/{run}/cancel", subject=run)

    async def delete_backtest(self) -> None:
        """Delete one of the runs."""
        if len(self.runs) > 3:
            run = self.runs.pop(self.rng.randrange(len(self.runs)))
            await self.client.write("backtest.delete", "DELETE", f"/backtests/{run}", subject=run)

    async def create_sweep(self, *, long: bool = False) -> None:
        """Start a sweep of one job."""
        number = self.number
        body = {
            "spec": spec(0),
            "dataset_id": self.dataset,
            "grid": LONG_SWEEP if long else SWEEP,
            "seed": number,
        }
        answer = await self.client.write("sweep.create", "POST", "/sweeps", mark=number, body=body, again=self.again)
        if answer is not None and answer.is_success:
            self.sweeps = [*self.sweeps[-MOST_RUNS:], str(answer.json()["id"])]

    async def create_long_sweep(self) -> None:
        """Start a sweep that is shared out in slices."""
        await self.create_sweep(long=True)

    async def read_sweep(self) -> None:
        """Look at a sweep."""
        if self.sweeps:
            sweep = self.rng.choice(self.sweeps)
            await self.client.read("sweep.read", f"/sweeps/{sweep}", subject=sweep)

    async def cancel_sweep(self) -> None:
        """Cancel the last sweep, if it still goes on."""
        if self.sweeps:
            sweep = self.sweeps[-1]
            await self.client.write("sweep.cancel", "POST", f"/sweeps/{sweep}/cancel", subject=sweep)

    async def upload(self) -> None:
        """Upload a small dataset."""
        mark = self.mark
        files = {"file": (f"{mark}.csv", bars(self.rng, 60), "text/csv")}
        answer = await self.client.write(
            "dataset.create", "POST", "/datasets", mark=mark, body={"name": mark, "interval": "1d"}, files=files,
            again=self.again,
        )  # fmt: skip
        if answer is not None and answer.status_code == 201:
            self.uploads.append(str(answer.json()["id"]))

    async def read_dataset(self) -> None:
        """Read a dataset's description."""
        chosen = self.rng.choice([self.dataset, *self.uploads])
        await self.client.read("dataset.read", f"/datasets/{chosen}", subject=chosen)

    async def delete_dataset(self) -> None:
        """Delete a dataset that no run refers to."""
        if len(self.uploads) > 2:
            chosen = self.uploads.pop(self.rng.randrange(len(self.uploads)))
            await self.client.write("dataset.delete", "DELETE", f"/datasets/{chosen}", subject=chosen)

    def _strategy(self) -> str | None:
        return self.rng.choice(list(self.strategies)) if self.strategies else None

    def _keep(self, answer: httpx.Response) -> None:
        value = answer.json()
        self.strategies[value["id"]] = value
        self.tags[value["id"]] = answer.headers["ETag"]


_ACTIONS: dict[Callable[[Lane], Awaitable[None]], float] = {
    Lane.create_strategy: 8,
    Lane.patch_strategy: 14,
    Lane.delete_strategy: 3,
    Lane.read_strategy: 26,
    Lane.list_strategies: 10,
    Lane.create_backtest: 8,
    Lane.read_backtest: 10,
    Lane.list_backtests: 6,
    Lane.cancel_backtest: 1.5,
    Lane.delete_backtest: 1.5,
    Lane.create_sweep: 1,
    Lane.create_long_sweep: 0.2,
    Lane.read_sweep: 2,
    Lane.cancel_sweep: 0.4,
    Lane.upload: 1,
    Lane.read_dataset: 2,
    Lane.delete_dataset: 0.4,
}


class Load:
    """All lanes. `stop` has each finish what it is at."""

    def __init__(self, lanes: list[Lane]) -> None:
        self.lanes = lanes
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._run(lane)) for lane in self.lanes]

    async def failed(self) -> None:
        """Return never, or raise what a lane fails with."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Begin nothing more; returns when all that was begun is settled or given up. Raises what a lane fails with."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def _run(self, lane: Lane) -> None:
        while not self._stopping.is_set():
            await lane.step()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(lane.rng.expovariate(1 / PACE_SECONDS)):
                    await self._stopping.wait()


@asynccontextmanager
async def load(address: str, journal: Journal, seed: int) -> AsyncIterator[Load]:
    """Open the owners' accounts and upload their bars, while all is well."""
    async with contextlib.AsyncExitStack() as stack:
        lanes = []
        for owner in range(OWNERS):
            first: Client | None = None
            dataset = ""
            for number in range(LANES):
                name = f"lane-{owner}-{number}"
                http = await stack.enter_async_context(http_client(address))
                client = Client(name, http, journal) if first is None else first.beside(name, http)
                if first is None:
                    first = client
                    await client.register()
                    dataset = await uploaded(client, seed)
                lanes.append(Lane(client, random.Random(f"{seed}/{name}"), dataset))
        made = Load(lanes)
        try:
            yield made
        finally:
            for task in made._tasks:
                task.cancel()
            await asyncio.gather(*made._tasks, return_exceptions=True)


def http_client(address: str) -> httpx.AsyncClient:
    """A client with connections of its own, none of which it uses after it was idle for as long as a stop lingers."""
    limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
    return httpx.AsyncClient(base_url=address, timeout=10, limits=limits, trust_env=False)


# Half of what a gateway lingers; less side by side with other tests, where it takes longer from here to the gateway.
IDLE_SECONDS = 0.5 / allowed(1.0)


async def uploaded(client: Client, seed: int) -> str:
    """Upload the bars that an owner's runs are made on; the same for all, so that their results can be compared."""
    content = bars(random.Random(seed), BARS)
    mark = f"{client.lane}.bars"
    answer = await client.write(
        "dataset.create", "POST", "/datasets", mark=mark, body={"name": mark, "interval": "1d"},
        files={"file": ("bars.csv", content, "text/csv")},
    )  # fmt: skip
    assert answer is not None, "the bars cannot be uploaded"
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
