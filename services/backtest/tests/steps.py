"""What tests do before they look: requests, uploads, datasets, runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.job_loop import JobLoop
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import SMA_CROSS
from shared.contracts.ids import new_id
from shared.contracts.jobs import Progress
from shared.contracts.messages import CreateBacktest, IngestDataset, ReadBacktest
from shared.contracts.values import Backtest, Dataset, Principal
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.seconds import allowed

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def call_of(principal: Principal | None) -> Call:
    """A request by `principal`, or by nobody."""
    return Call(new_id(), principal, time.time() + 30, TRACEPARENT, "")


async def upload(objects: Objects, content: bytes) -> str:
    """Store an upload as the gateway does and return its key."""
    key = f"uploads/{new_id()}"
    await objects.put(key, content)
    return key


async def ingested(
    datasets: DatasetHandlers, objects: Objects, call: Call, content: bytes, timezone: str = "UTC"
) -> Dataset:
    """A dataset of `call`'s account with these bars."""
    message = IngestDataset(upload_key=await upload(objects, content), filename="aapl.csv", timezone=timezone)
    answer = await datasets.ingest(message, call)
    assert isinstance(answer.value, Dataset)
    return answer.value


async def queued(backtests: BacktestHandlers, call: Call, dataset: Dataset, **fields: Any) -> Backtest:
    """Queue a run of the SMA cross, or of what `fields` say."""
    fields = fields if "strategy_id" in fields else {"spec": SMA_CROSS, **fields}
    answer = await backtests.create(CreateBacktest(dataset_id=dataset.id, **fields), call)
    assert isinstance(answer.value, Backtest)
    return answer.value


async def lapse(database: Database, subject: str) -> None:
    """Let the leases on the jobs for `subject` be over, as if their workers had died some time ago."""
    statement = "UPDATE jobs SET lease_until = now() - interval '1 s' WHERE subject = $1 AND lease_until IS NOT NULL"
    async with database.reading() as connection:
        await connection.execute(statement, subject)


async def read(backtests: BacktestHandlers, run: Backtest, call: Call) -> Backtest:
    """The run as it is now."""
    value = (await backtests.read(ReadBacktest(id=run.id), call)).value
    assert isinstance(value, Backtest)
    return value


async def work_off(jobs: Jobs) -> list[Progress]:
    """Do all jobs that wait, as one worker; what was told of them."""
    told: list[Progress] = []
    loop = JobLoop(jobs, told.append)
    while await loop.work():
        pass
    return told


def files_of(objects: Objects) -> list[str]:
    """The names of all files of results."""
    assert objects.folder is not None
    return sorted(path.name for path in (objects.folder / "results").rglob("*") if path.is_file())


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
    """Wait until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(allowed(seconds)):
        while not await condition():
            await asyncio.sleep(0.01)
