"""Backtests: queueing a run, reading and listing runs. What is another owner's is not found."""

import asyncio
from datetime import datetime

from services.backtest.core.execution import check_execution
from services.backtest.core.identity import identity_digest, run_identity
from services.backtest.core.language import BoundStrategy, check_spec
from services.backtest.core.period import bars_between, check_period
from services.backtest.core.work import check_run
from services.backtest.due_prefix_test import have_tested
from services.backtest.handlers.sources import Sources, days_of, refuse_no_ids
from services.backtest.job_queue import JobQueue
from services.backtest.store.backtests import insert_backtest, list_backtests, read_backtest
from services.backtest.store.jobs import Kind, Urgency
from services.backtest.store.repeated import reuse_result
from services.backtest.strategies import Strategies
from shared.contracts.clock import Clock
from shared.contracts.errors import NotFound
from shared.contracts.events import BacktestQueued, BacktestSucceeded, Event
from shared.contracts.ids import is_id, new_id
from shared.contracts.messages import CreateBacktest, ListBacktests, ReadBacktest
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import Backtest, Dataset, JsonObject
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Connection, Database
from shared.runtime.gone import not_found
from shared.runtime.once import recorded
from shared.runtime.outbox import announce


class BacktestHandlers:
    """Backtests. A run keeps its own copy of the spec, so that it stays readable when the strategy goes."""

    def __init__(self, database: Database, clock: Clock, queue: JobQueue, strategies: Strategies) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._sources = Sources(database, strategies)

    async def create(self, message: CreateBacktest, call: Call) -> Answer:
        """Queue a run, or answer one whose result is there already.

        Raises Invalid with pointers into the request, NotFound for its strategy or its dataset, QuotaExceeded when too
        much of the owner's waits already.
        """
        owner = call.user.user_id
        dataset = await self._sources.dataset(message.dataset_id, owner)
        days = days_of(dataset)
        check_period(message.start, message.end, *days)
        bars = bars_between(dataset.rows, message.start, message.end, *days)
        spec, strategy_version = await self._sources.spec(message, call)
        strategy = await asyncio.to_thread(_checked, spec, message, bars)
        run = _queued(message, strategy, dataset, strategy_version, owner, self._clock.now())
        identity = identity_digest(run.run_identity)
        async with self._database.transaction() as connection:
            await insert_backtest(connection, run, spec, identity)
            event: Event = BacktestQueued(id=run.id, owner=owner, version=0)
            if await reuse_result(connection, run.id, identity, run.created_at):
                event = BacktestSucceeded(id=run.id, owner=owner, version=0)
                run = await self._stored(connection, run)
            else:
                await self._queue.hand_over(
                    connection,
                    subject=run.id,
                    kind=Kind.BACKTEST,
                    owner_id=owner,
                    urgency=Urgency.SINGLE,
                    traceparent=call.traceparent,
                )
            if message.strategy_id is not None:
                # It may have been stored before this version of the engine.
                await have_tested(connection, self._queue, self._clock, strategy.spec_hash, spec, call)
            versions = await announce(
                connection,
                event,
                [backtest_object(run.id), backtests_object(owner)],
                clock=self._clock,
                traceparent=call.traceparent,
            )
            return await recorded(connection, call, Answer(run, versions))

    async def _stored(self, connection: Connection, run: Backtest) -> Backtest:
        stored = await read_backtest(connection, run.id, run.owner_id)
        return run if stored is None else stored.backtest

    async def read(self, message: ReadBacktest, call: Call) -> Answer:
        """Answer one run. Raises NotFound."""
        found = None
        if is_id(message.id):
            async with self._database.reading() as connection:
                found = await read_backtest(connection, message.id, call.user.user_id)
                if found is None:
                    raise await not_found(
                        connection, "There is no such backtest", "backtests", message.id, backtest_object(message.id)
                    )
        if found is None:
            raise NotFound("There is no such backtest")
        return Answer(found.backtest, {backtest_object(message.id): found.version})

    async def list_all(self, message: ListBacktests, call: Call) -> Answer:
        """Answer a page of the caller's runs. Raises Malformed for a filter or a cursor that cannot be one."""
        owner = call.user.user_id
        refuse_no_ids(strategy_id=message.strategy_id, dataset_id=message.dataset_id)
        async with self._database.reading() as connection:
            page, version = await list_backtests(connection, owner, message)
        return Answer(page, {backtests_object(owner): version})


def _checked(spec: JsonObject, message: CreateBacktest, bars: int) -> BoundStrategy:
    """Return the strategy with its params, once it can be run as asked on so many bars. Raises Invalid."""
    checked = check_spec(spec)
    check_execution(message.execution, checked)
    strategy = checked.bind(message.params)
    check_run(strategy, bars)
    return strategy


def _queued(
    message: CreateBacktest,
    strategy: BoundStrategy,
    dataset: Dataset,
    strategy_version: int | None,
    owner: str,
    now: datetime,
) -> Backtest:
    identity = run_identity(
        spec_hash=strategy.spec_hash,
        params=strategy.params,
        dataset_sha256=dataset.sha256,
        start=message.start,
        end=message.end,
        timezone=dataset.timezone,
        execution=message.execution,
    )
    return Backtest(
        id=new_id(),
        status="queued",
        progress=0.0,
        owner_id=owner,
        strategy_id=message.strategy_id,
        strategy_version=strategy_version,
        dataset_id=dataset.id,
        run_identity=identity,
        result_digest=None,
        reused=False,
        metrics=None,
        warmup_bars=strategy.warmup_bars,
        warnings=[],
        error=None,
        created_at=now,
        started_at=None,
        finished_at=None,
        revision=1,
    )
