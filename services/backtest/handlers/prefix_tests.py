"""Prefix tests, read through the strategy they are of: what is another owner's is not found."""

import asyncio

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.core.language import check_spec
from services.backtest.due_prefix_test import have_tested
from services.backtest.job_queue import JobQueue
from services.backtest.store.prefix_tests import Stored, read_test
from services.backtest.strategies import Strategies
from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, InvalidSpec, Unavailable
from shared.contracts.messages import ReadPrefixTest
from shared.contracts.values import JsonObject, PrefixTest, Strategy
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database


class PrefixTestHandlers:
    """Prefix tests. A spec that this version of the engine has not seen yet is tested when its owner asks."""

    def __init__(self, database: Database, clock: Clock, queue: JobQueue, strategies: Strategies) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._strategies = strategies

    async def read(self, message: ReadPrefixTest, call: Call) -> Answer:
        """Answer the test of a strategy's spec. Raises NotFound, Conflict when the engine does not read it any more."""
        strategy = await self._strategies.read(message.id, message.version, call)
        spec_hash = await asyncio.to_thread(_hash_of, strategy.spec)
        async with self._database.reading() as connection:
            found = await read_test(connection, call.user.user_id, spec_hash, ENGINE_VERSION)
        if found is None:
            found = await self._queued(spec_hash, strategy.spec, call)
        return Answer(_shown(strategy, spec_hash, found))

    async def _queued(self, spec_hash: str, spec: JsonObject, call: Call) -> Stored:
        async with self._database.transaction() as connection:
            await have_tested(connection, self._queue, self._clock, spec_hash, spec, call)
            found = await read_test(connection, call.user.user_id, spec_hash, ENGINE_VERSION)
        if found is None:
            raise Unavailable("The test cannot be read at the moment")
        return found


def _hash_of(spec: JsonObject) -> str:
    # Not the hash that the strategy was stored with, which may be an earlier release's.
    try:
        return check_spec(spec).spec_hash
    except InvalidSpec as error:
        raise Conflict(f"The engine does not read this spec any more: {error.detail}") from error


def _shown(strategy: Strategy, spec_hash: str, test: Stored) -> PrefixTest:
    found = test.evidence
    return PrefixTest(
        strategy_id=strategy.id,
        strategy_version=strategy.version,
        spec_hash=spec_hash,
        engine_version=ENGINE_VERSION,
        status=test.status,
        bars=None if found is None else found.bars,
        cuts=None if found is None else found.cuts,
        combinations=None if found is None else found.combinations,
        signals=None if found is None else found.signals,
        failure=None if found is None else found.failure,
        error=test.error,
        created_at=test.created_at,
        finished_at=test.finished_at,
    )
