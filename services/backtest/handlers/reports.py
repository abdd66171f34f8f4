"""The report of a run, made when it is asked for."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from zoneinfo import ZoneInfo

from services.backtest.core.period import span
from services.backtest.core.report import Market, Subject, render
from services.backtest.files.dataset_file import dataset_key, map_bars
from services.backtest.files.result_file import curve_key, read_curve, read_trades, trades_key
from services.backtest.finished_runs import FinishedRuns
from services.backtest.store.reports import Described, read_described
from shared.contracts.errors import NotFound
from shared.contracts.messages import RenderReport
from shared.contracts.objects import backtest_object
from shared.contracts.values import Backtest
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects


class ReportHandlers:
    """Reports of runs that succeeded. The prices are missing in one whose dataset has been deleted."""

    def __init__(self, runs: FinishedRuns, database: Database, objects: Objects) -> None:
        self._runs = runs
        self._database = database
        self._objects = objects

    async def render(self, message: RenderReport, call: Call) -> Answer:
        """Answer the page. Raises NotFound, Conflict while there is no result, and Unavailable."""
        found = await self._runs.find(message.id, call)
        async with self._database.reading() as connection:
            described = await read_described(connection, message.id, call.user.user_id)
        if described is None:
            raise NotFound("There is no such backtest")
        async with AsyncExitStack() as stack:
            curve = await stack.enter_async_context(self._runs.file(curve_key(found.result_key)))
            trades = await stack.enter_async_context(self._runs.file(trades_key(found.result_key)))
            bars = await self._bars(stack, found.backtest)
            body = await asyncio.to_thread(_page, found.backtest, described, curve, trades, bars)
        return Answer(body, {backtest_object(message.id): found.version})

    async def _bars(self, stack: AsyncExitStack, backtest: Backtest) -> Path | None:
        key = dataset_key(backtest.run_identity.dataset_sha256)
        try:
            return await stack.enter_async_context(self._objects.as_file(key))
        except NotFound:
            return None


def _page(backtest: Backtest, described: Described, curve: Path, trades: Path, bars: Path | None) -> bytes:
    equity = read_curve(curve)
    return render(
        Subject(
            backtest=backtest,
            spec=described.spec,
            time=equity.time,
            equity=equity.equity,
            drawdown=equity.drawdown,
            trades=read_trades(trades),
            market=_market(backtest, described, bars),
        )
    )


def _market(backtest: Backtest, described: Described, path: Path | None) -> Market | None:
    if path is None or described.name is None or described.timezone is None:
        return None
    zone, identity = ZoneInfo(described.timezone), backtest.run_identity
    columns = map_bars(path)
    part = span(columns["time"], identity.start, identity.end, zone)
    return Market(
        name=described.name,
        symbol=described.symbol or "",
        interval=described.interval or "",
        zone=zone,
        time=columns["time"][part],
        close=columns["close"][part],
    )
