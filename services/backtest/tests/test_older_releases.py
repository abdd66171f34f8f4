"""What an older release left in the database: its results stay readable, and nothing is computed into them."""

from datetime import date

import pytest

from services.backtest.core.identity import ENGINE_VERSION, identity_digest
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.reports import ReportHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.job_kinds.identities import OTHER_ENGINE
from services.backtest.jobs import Jobs
from services.backtest.tests.steps import queued, read, work_off
from services.backtest.tests.sweep_steps import queued_sweep, read_sweep
from shared.contracts.errors import Conflict
from shared.contracts.messages import ListBacktests, ReadEquity, RenderReport, VerifyBacktest
from shared.contracts.values import BacktestPage, Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database

pytestmark = pytest.mark.integration

FROM = date(2005, 1, 3)


async def made_older(database: Database) -> None:
    """Let every run and sweep be of engine version 2, whose identities had no time zone."""
    older = "((run_identity::jsonb - 'timezone') || '{\"engine_version\": 2}')::json"
    async with database.reading() as connection:
        for table in ("backtests", "sweeps"):
            await connection.execute(f"UPDATE {table} SET run_identity = {older}")
        await connection.execute("UPDATE backtests SET identity_digest = encode(sha256('older'), 'hex')")


async def test_an_older_result_stays_readable_and_is_nobodys_answer(
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    results: ResultHandlers,
    reports: ReportHandlers,
    dataset: Dataset,
    database: Database,
    ana: Call,
) -> None:
    """It is read, listed and shown; it cannot be verified, which says what to do; its request is computed anew."""
    run = await queued(backtests, ana, dataset, start=FROM)
    await work_off(jobs)
    await made_older(database)
    older = await read(backtests, run, ana)
    assert (older.status, older.run_identity.engine_version, older.run_identity.timezone) == ("succeeded", 2, None)
    listed = (await backtests.list_all(ListBacktests(), ana)).value
    assert isinstance(listed, BacktestPage)
    assert listed.items == [older]
    assert (await results.read_equity(ReadEquity(id=run.id), ana)).value
    assert (await reports.render(RenderReport(id=run.id), ana)).value

    with pytest.raises(Conflict, match=r"version 2 of the engine and this is version .* start it anew"):
        await endings.verify(VerifyBacktest(id=run.id), ana)
    again = await queued(backtests, ana, dataset, start=FROM)
    await work_off(jobs)
    newer = await read(backtests, again, ana)
    assert (newer.status, newer.reused, newer.run_identity.engine_version) == ("succeeded", False, ENGINE_VERSION)
    assert identity_digest(newer.run_identity) != identity_digest(older.run_identity)


async def test_what_an_older_release_queued_is_not_computed_by_this_one(
    jobs: Jobs, backtests: BacktestHandlers, sweeps: SweepHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """A run and a sweep say that they have to be started anew."""
    run, sweep = await queued(backtests, ana, dataset), await queued_sweep(sweeps, ana, dataset)
    await made_older(database)
    await work_off(jobs)
    ended = (await read(backtests, run, ana)), (await read_sweep(sweeps, sweep, ana))
    assert [(each.status, each.error) for each in ended] == [("failed", OTHER_ENGINE)] * 2
    assert [each.run_identity.timezone for each in ended] == [None, None]
