"""What tests of sweeps do before they look: requests, workers, results."""

import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pyarrow as pa

from services.backtest.handlers.sweep_results import SweepResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.job_kinds.ready_sweep import ReadySweeps
from services.backtest.job_kinds.sweep_ends import SweepEndWork
from services.backtest.job_kinds.sweep_slices import SweepSliceWork
from services.backtest.job_kinds.sweep_starts import SweepStartWork
from services.backtest.job_loop import JobLoop
from services.backtest.jobs import Jobs, Taken
from services.backtest.tests.fakes import SMA_CROSS
from shared.contracts.events import Event
from shared.contracts.jobs import Progress
from shared.contracts.messages import CreateSweep, ExportSweepResults, ListSweepResults, ReadSweep, TableForm
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.sweep_values import Sweep, SweepMetric, SweepRow, SweepRowPage
from shared.contracts.values import Dataset, Export
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

GRID: dict[str, object] = {"fast": [5, 10, 20], "slow": {"start": 10, "stop": 60, "step": 10}}
"""Of its 18 combinations 15 have a fast average that is shorter than the slow one."""
SLICES = 4
"""How many slices these are, five numbers each."""


async def queued_sweep(sweeps: SweepHandlers, call: Call, dataset: Dataset, **fields: Any) -> Sweep:
    """Queue a sweep of the SMA cross, or of what `fields` say."""
    fields = fields if "strategy_id" in fields else {"spec": SMA_CROSS, **fields}
    answer = await sweeps.create(CreateSweep(dataset_id=dataset.id, **{"grid": GRID, **fields}), call)
    assert isinstance(answer.value, Sweep)
    return answer.value


async def read_sweep(sweeps: SweepHandlers, sweep: Sweep, call: Call) -> Sweep:
    """The sweep as it is now."""
    value = (await sweeps.read(ReadSweep(id=sweep.id), call)).value
    assert isinstance(value, Sweep)
    return value


async def pages(
    results: SweepResultHandlers, sweep: Sweep, call: Call, metric: SweepMetric | None = None, limit: int = 50
) -> AsyncIterator[list[SweepRow]]:
    """The pages of a sweep's combinations."""
    cursor: str | None = None
    while True:
        message = ListSweepResults(id=sweep.id, metric=metric, limit=limit, cursor=cursor)
        page = (await results.list_results(message, call)).value
        assert isinstance(page, SweepRowPage)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


async def rows_of(results: SweepResultHandlers, sweep: Sweep, call: Call, **asked: Any) -> list[SweepRow]:
    """All combinations, the best first."""
    return [row async for page in pages(results, sweep, call, **asked) for row in page]


async def exported(
    results: SweepResultHandlers, objects: Objects, sweep: Sweep, call: Call, form: TableForm = "arrow"
) -> bytes:
    """The file of all combinations."""
    answer = await results.export(ExportSweepResults(id=sweep.id, form=form), call)
    assert isinstance(answer.value, Export)
    return await objects.get(answer.value.object_key)


async def table_of(results: SweepResultHandlers, objects: Objects, sweep: Sweep, call: Call) -> "pa.Table":
    """All combinations in order."""
    return pa.ipc.open_stream(await exported(results, objects, sweep, call)).read_all()


async def events_of_sweep(database: Database, sweep: Sweep) -> list[tuple[str, int]]:
    """The kind of each event of a sweep, and the version of its owner's list with it, in order."""
    statement = "SELECT type, data FROM outbox WHERE subject = $1 AND stream = 'aurelius.events.backtest' ORDER BY id"
    async with database.reading() as connection:
        rows = await connection.fetch(statement, sweep_object(sweep.id))
    events = [(row["type"].split(".")[2], msgspec.json.decode(row["data"], type=Event)) for row in rows]
    return [(kind, event.objects[sweeps_object(sweep.owner_id)]) for kind, event in events]


def worker(database: Database, objects: Objects, told: Callable[[Progress], None] = lambda _: None) -> JobLoop:
    """A worker process, as far as sweeps go: it shares nothing with any other but what they all reach."""
    clock, sweeps = FakeClock(), ReadySweeps(objects)
    works = [each(objects, clock, sweeps) for each in (SweepStartWork, SweepSliceWork, SweepEndWork)]
    return JobLoop(Jobs(database, clock, works), told)


async def taken(jobs: Jobs) -> Taken[Any, Any]:
    """The job that is next, which there is."""
    found = await jobs.take()
    assert found is not None
    return found


async def done_part(jobs: Jobs, taken_: Taken[Any, Any]) -> Any:
    """What comes of a job, not stored yet."""
    return await taken_.work.compute(taken_.job, taken_.task, threading.Event())


async def to_the_last_slices(jobs: Jobs, left: int) -> list[Taken[Any, Any]]:
    """Divide a sweep and do its slices but for `left` of them, which are taken."""
    for _ in range(1 + SLICES - left):
        job = await taken(jobs)
        await jobs.succeed(job, await done_part(jobs, job))
    return [await taken(jobs) for _ in range(left)]
