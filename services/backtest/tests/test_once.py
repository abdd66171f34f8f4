"""Every write of the service, delivered again by the bus or repeated by a client: done once, answered the same."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.sweep_endings import SweepEndingHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import SMA_CROSS, apple, csv_of
from services.backtest.tests.steps import call_of, queued, upload, work_off
from services.backtest.tests.sweep_steps import GRID, queued_sweep
from shared.contracts.clock import SystemClock
from shared.contracts.errors import KeyReused
from shared.contracts.messages import (
    CancelBacktest,
    CancelSweep,
    CreateBacktest,
    CreateSweep,
    DeleteBacktest,
    DeleteDataset,
    DeleteSweep,
    IngestDataset,
    VerifyBacktest,
)
from shared.contracts.values import Backtest, Dataset
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from shared.runtime.once import Once, OnceOnly
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

_TABLES = ("datasets", "backtests", "sweeps", "jobs", "prefix_tests", "object_version", "outbox")


@pytest.fixture
def once(database: Database) -> Once:
    """What the service makes its handlers with; each request is two seconds old, as repeated ones are."""
    clock = FakeClock()
    clock.time = SystemClock().now() + timedelta(seconds=2)
    return Once(database, clock)


async def _state(database: Database) -> dict[str, Sequence[asyncpg.Record]]:
    async with database.reading() as connection:
        return {table: await connection.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in _TABLES}


def _shown(answer: Answer) -> tuple[bytes, dict[str, int]]:
    body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
    return body, answer.versions


def _new(call: Call, key: str = "") -> Call:
    """A new request of the same account."""
    return msgspec.structs.replace(call_of(call.principal), idempotency_key=key)


async def _done_once(database: Database, handler: OnceOnly[Any], message: Any, ana: Call) -> Answer:
    """Check that a request and its repeats are answered the same, and change nothing more; return the answer."""
    call = _new(ana)
    first = await handler(message, call)
    after = await _state(database)
    again = [await handler(message, call), *await asyncio.gather(handler(message, call), handler(message, call))]
    assert [_shown(answer) for answer in again] == [_shown(first)] * 3
    assert await _state(database) == after
    return first


async def test_writes_of_runs_are_done_once(
    once: Once,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    jobs: Jobs,
    dataset: Dataset,
    database: Database,
    ana: Call,
) -> None:
    """Queued, verified, cancelled, deleted: each repeat finds its own work done, and no second job waits."""
    create = CreateBacktest(dataset_id=dataset.id, spec=SMA_CROSS)
    run = (await _done_once(database, once(backtests.create), create, ana)).value
    assert isinstance(run, Backtest)
    await work_off(jobs)
    await _done_once(database, once(endings.verify), VerifyBacktest(id=run.id), ana)
    await _done_once(database, once(endings.verify), VerifyBacktest(id=run.id), ana)  # waits already
    await work_off(jobs)
    await _done_once(database, once(endings.delete), DeleteBacktest(id=run.id), ana)
    other = await queued(backtests, ana, dataset, params={"fast": 3})
    await _done_once(database, once(endings.cancel), CancelBacktest(id=other.id), ana)
    await _done_once(database, once(endings.cancel), CancelBacktest(id=other.id), ana)  # is cancelled already


async def test_writes_of_sweeps_are_done_once(
    once: Once,
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    dataset: Dataset,
    database: Database,
    ana: Call,
) -> None:
    """Queued, cancelled, deleted."""
    await _done_once(database, once(sweeps.create), CreateSweep(dataset_id=dataset.id, spec=SMA_CROSS, grid=GRID), ana)
    sweep = await queued_sweep(sweeps, ana, dataset)
    await _done_once(database, once(sweep_endings.cancel), CancelSweep(id=sweep.id), ana)
    await _done_once(database, once(sweep_endings.delete), DeleteSweep(id=sweep.id), ana)


async def test_an_upload_is_ingested_once(
    once: Once, datasets: DatasetHandlers, objects: Objects, database: Database, ana: Call
) -> None:
    """A repeat finds the upload gone, since the first has read it; it answers the same dataset all the same."""
    ingest, call = once(datasets.ingest), _new(ana)
    message = IngestDataset(upload_key=await upload(objects, csv_of(apple())), filename="a.csv")
    answers = await asyncio.gather(*(ingest(message, call) for _ in range(3)))
    assert [_shown(answer) for answer in answers] == [_shown(answers[0])] * 3
    assert len((await _state(database))["datasets"]) == 1
    dataset = msgspec.json.decode(_shown(answers[0])[0], type=Dataset)
    await _done_once(database, once(datasets.delete), DeleteDataset(id=dataset.id), ana)


async def test_an_upload_is_known_again_by_its_content(
    once: Once, datasets: DatasetHandlers, objects: Objects, database: Database, ana: Call, ben: Call
) -> None:
    """Under its key the same file is answered as before and not read again; another file is refused."""
    ingest = once(datasets.ingest)

    async def send(call: Call, content: bytes) -> tuple[Answer, str]:
        digest = hashlib.sha256(content).hexdigest()
        key = await upload(objects, content)
        message = IngestDataset(upload_key=key, filename="a.csv", content_sha256=digest)
        return await ingest(message, _new(call, "k")), key

    content = csv_of(apple())
    first, _ = await send(ana, content)
    again, left = await send(ana, content)
    assert again.replayed
    assert _shown(again) == _shown(first)
    assert await objects.exists(left)
    with pytest.raises(KeyReused):
        await send(ana, content + b"\n")
    assert not (await send(ben, content))[0].replayed
    assert len((await _state(database))["datasets"]) == 2


async def test_of_fifty_with_one_key_one_starts_a_run(
    once: Once, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """The others are asked to wait, or answered the same run; one job waits, and one more key makes one more run."""
    create = once(backtests.create)
    message = CreateBacktest(dataset_id=dataset.id, spec=SMA_CROSS)
    said = await asyncio.gather(*(create(message, _new(ana, "k")) for _ in range(50)), return_exceptions=True)
    answers = [_shown(answer) for answer in said if isinstance(answer, Answer)]
    assert {type(each).__name__ for each in said} <= {"Answer", "StillInProgress", "Unavailable"}
    assert len({body for body, _ in answers}) == 1
    assert len((await _state(database))["backtests"]) == 1
    await create(message, _new(ana, "other"))
    assert len((await _state(database))["backtests"]) == 2
