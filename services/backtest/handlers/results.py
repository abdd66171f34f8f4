"""What a run left: its equity curve and its trades, as JSON or as files to take away."""

import asyncio
from pathlib import Path

from services.backtest.core.row_cursor import cursor_after, rows_before
from services.backtest.exports import Exports
from services.backtest.files.result_file import curve_key, read_curve, read_trades, trades_key
from services.backtest.files.result_tables import equity_pieces, trade_pieces
from services.backtest.finished_runs import FinishedRuns
from services.backtest.result_json import chosen, curve_json, trades_of
from shared.contracts.messages import ExportEquity, ExportTrades, ListTrades, ReadEquity
from shared.contracts.objects import backtest_object
from shared.contracts.values import TradePage
from shared.runtime.bus.server import Answer, Call


class ResultHandlers:
    """Equity curves and trades. All raise NotFound, and Conflict while the run has not succeeded."""

    def __init__(self, runs: FinishedRuns, exports: Exports) -> None:
        self._runs = runs
        self._exports = exports

    async def read_equity(self, message: ReadEquity, call: Call) -> Answer:
        """Answer the equity curve."""
        found = await self._runs.find(message.id, call)
        async with self._runs.file(curve_key(found.result_key)) as path:
            body = await asyncio.to_thread(_curve, path, message.points)
        return Answer(body, {backtest_object(message.id): found.version})

    async def list_trades(self, message: ListTrades, call: Call) -> Answer:
        """Answer a page of trades in order of entry. Raises Malformed for a cursor of something else, too."""
        start = rows_before(message.cursor, message.id)
        found = await self._runs.find(message.id, call)
        async with self._runs.file(trades_key(found.result_key)) as path:
            page = await asyncio.to_thread(_page, path, message, start)
        return Answer(page, {backtest_object(message.id): found.version})

    async def export_equity(self, message: ExportEquity, call: Call) -> Answer:
        """Make a file of the equity curve and answer where it is."""
        found = await self._runs.find(message.id, call)
        async with self._runs.file(curve_key(found.result_key)) as path:
            table = await asyncio.to_thread(equity_pieces, path, message.form, message.points)
            export = await self._exports.store(table, call)
        return Answer(export, {backtest_object(message.id): found.version})

    async def export_trades(self, message: ExportTrades, call: Call) -> Answer:
        """Make a file of all the trades and answer where it is."""
        found = await self._runs.find(message.id, call)
        async with self._runs.file(trades_key(found.result_key)) as path:
            table = await asyncio.to_thread(trade_pieces, path, message.form)
            export = await self._exports.store(table, call)
        return Answer(export, {backtest_object(message.id): found.version})


def _curve(path: Path, points: int | None) -> bytes:
    curve = read_curve(path)
    return curve_json(curve, chosen(curve.equity, points))


def _page(path: Path, message: ListTrades, start: int) -> TradePage:
    stop = start + message.limit
    trades = trades_of(read_trades(path, start, stop + 1))
    more = len(trades) > message.limit
    return TradePage(items=trades[: message.limit], next_cursor=cursor_after(message.id, stop) if more else None)
