"""Sweeps: queueing one, reading and listing them. What is another owner's is not found."""

import asyncio

from services.backtest.core.execution import check_execution
from services.backtest.core.identity import ENGINE_VERSION, zone_of_days
from services.backtest.core.language import check_spec
from services.backtest.core.period import bars_between, check_period
from services.backtest.core.sweep.work import check_sweep
from services.backtest.handlers.sources import Sources, days_of, refuse_no_ids
from services.backtest.job_queue import JobQueue
from services.backtest.store.jobs import Kind, Urgency
from services.backtest.store.sweeps import insert_sweep, list_sweeps, read_sweep
from services.backtest.strategies import Strategies
from services.backtest.sweep_space import space_of
from shared.contracts.clock import Clock
from shared.contracts.errors import NotFound
from shared.contracts.events import SweepQueued
from shared.contracts.ids import is_id, new_id
from shared.contracts.messages import CreateSweep, ListSweeps, ReadSweep
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.sweep_values import Sweep, SweepIdentity
from shared.contracts.values import Dataset, JsonObject
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.gone import not_found
from shared.runtime.once import recorded
from shared.runtime.outbox import announce


class SweepHandlers:
    """Sweeps. Each keeps its own copy of the spec, so that it stays readable when the strategy goes."""

    def __init__(self, database: Database, clock: Clock, queue: JobQueue, strategies: Strategies) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._sources = Sources(database, strategies)

    async def create(self, message: CreateSweep, call: Call) -> Answer:
        """Queue a sweep.

        Raises Invalid with pointers into the request, NotFound for its strategy or its dataset, QuotaExceeded when too
        much of the owner's waits already.
        """
        owner, now = call.user.user_id, self._clock.now()
        dataset = await self._sources.dataset(message.dataset_id, owner)
        days = days_of(dataset)
        check_period(message.start, message.end, *days)
        bars = bars_between(dataset.rows, message.start, message.end, *days)
        spec, strategy_version = await self._sources.spec(message, call)
        spec_hash, combinations = await asyncio.to_thread(_checked, spec, message, bars)
        sweep = Sweep(
            id=new_id(),
            status="queued",
            progress=0.0,
            owner_id=owner,
            strategy_id=message.strategy_id,
            strategy_version=strategy_version,
            dataset_id=dataset.id,
            run_identity=_identity(message, spec_hash, dataset),
            grid=message.grid,
            sample=message.sample,
            objective=message.objective,
            combinations=combinations,
            done=0,
            best=[],
            result_digest=None,
            warnings=[],
            error=None,
            created_at=now,
            started_at=None,
            finished_at=None,
            revision=1,
        )
        return await self._queued(sweep, spec, call)

    async def _queued(self, sweep: Sweep, spec: JsonObject, call: Call) -> Answer:
        async with self._database.transaction() as connection:
            await insert_sweep(connection, sweep, spec)
            await self._queue.hand_over(
                connection,
                subject=sweep.id,
                kind=Kind.SWEEP_START,
                owner_id=sweep.owner_id,
                urgency=Urgency.BULK,
                traceparent=call.traceparent,
            )
            versions = await announce(
                connection,
                SweepQueued(id=sweep.id, owner=sweep.owner_id, version=0),
                [sweep_object(sweep.id), sweeps_object(sweep.owner_id)],
                clock=self._clock,
                traceparent=call.traceparent,
            )
            return await recorded(connection, call, Answer(sweep, versions))

    async def read(self, message: ReadSweep, call: Call) -> Answer:
        """Answer one sweep. Raises NotFound."""
        found = None
        if is_id(message.id):
            async with self._database.reading() as connection:
                found = await read_sweep(connection, message.id, call.user.user_id)
                if found is None:
                    raise await not_found(
                        connection, "There is no such sweep", "sweeps", message.id, sweep_object(message.id)
                    )
        if found is None:
            raise NotFound("There is no such sweep")
        return Answer(found.sweep, _shown({sweep_object(message.id): found.version}, found.sweep.status))

    async def list_all(self, message: ListSweeps, call: Call) -> Answer:
        """Answer a page of the caller's sweeps. Raises Malformed for a filter or a cursor that cannot be one."""
        owner = call.user.user_id
        refuse_no_ids(strategy_id=message.strategy_id, dataset_id=message.dataset_id)
        async with self._database.reading() as connection:
            page, version = await list_sweeps(connection, owner, message)
        return Answer(page, _shown({sweeps_object(owner): version}, *(sweep.status for sweep in page.items)))


def _shown(versions: dict[str, int], *statuses: str) -> dict[str, int]:
    """The versions that an answer shows: none while a sweep goes on, whose progress changes without a new version.

    What has no version is not cached.
    """
    return {} if "running" in statuses else versions


def _checked(spec: JsonObject, message: CreateSweep, bars: int) -> tuple[str, int]:
    """The hash of the strategy and the number of combinations, once they can be run as asked. Raises Invalid."""
    checked = check_spec(spec)
    check_execution(message.execution, checked)
    space = space_of(checked, message.grid, message.sample, message.seed)
    check_sweep(space, bars)
    return checked.spec_hash, space.count


def _identity(message: CreateSweep, spec_hash: str, dataset: Dataset) -> SweepIdentity:
    return SweepIdentity(
        spec_hash=spec_hash,
        dataset_sha256=dataset.sha256,
        start=message.start,
        end=message.end,
        timezone=zone_of_days(message.start, message.end, dataset.timezone),
        execution=message.execution,
        engine_version=ENGINE_VERSION,
        seed=message.seed,
    )
