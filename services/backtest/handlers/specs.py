"""Specs: checking one without storing it, and accepting one that a strategy is to have."""

import asyncio

from services.backtest.core.language import check_spec
from services.backtest.due_prefix_test import have_tested
from services.backtest.job_queue import JobQueue
from shared.contracts.clock import Clock
from shared.contracts.errors import InvalidSpec
from shared.contracts.messages import AcceptSpec, ValidateSpec
from shared.contracts.values import SpecReport
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database


async def validate_spec(message: ValidateSpec, _: Call) -> Answer:
    """Report on a spec; one that is no strategy is an answer too. Nothing is stored."""
    return Answer(await _report_on(message.spec))


class SpecHandlers:
    """Specs that strategies are to have."""

    def __init__(self, database: Database, clock: Clock, queue: JobQueue) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue

    async def accept(self, message: AcceptSpec, call: Call) -> Answer:
        """Report on a spec, and have it tested if it is valid.

        Before the strategy is stored, so that none goes without; a test whose strategy never was is in nobody's way.
        """
        report = await _report_on(message.spec)
        if report.spec_hash is not None:
            async with self._database.transaction() as connection:
                await have_tested(connection, self._queue, self._clock, report.spec_hash, message.spec, call)
        return Answer(report)


async def _report_on(spec: object) -> SpecReport:
    try:
        # In a thread: the largest document the language reads takes a tenth of a second.
        checked = await asyncio.to_thread(check_spec, spec)
    except InvalidSpec as error:
        return SpecReport(valid=False, errors=list(error.errors))
    return SpecReport(valid=True, warmup_bars=checked.warmup_bars, spec_hash=checked.spec_hash)
