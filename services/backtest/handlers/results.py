"""What a run left: its equity curve and its trades, from the files in the object store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.backtest.core.downsample import downsample
from services.backtest.core.trade_cursor import cursor_after, trades_before
from services.backtest.files.result_file import curve_key, read_curve, read_trades, trades_key
from services.backtest.result_json import curve_json, trades_of
from services.backtest.store.backtests import Stored, read_backtest
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.ids import is_id
from shared.contracts.messages import ListTrades, ReadEquity
from shared.contracts.objects import backtest_object
from shared.contracts.values import Backtest, TradePage
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects

MAX_POINTS = 1_000_000
"""More points are not answered in one piece, asked for or not."""


class ResultHandlers:
    """Equity curves and trades of succeeded runs. A result never changes once it is there."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    async def read_equity(self, message: ReadEquity, call: Call) -> Answer:
        """Answer the equity curve. Raises NotFound, and Conflict while there is none."""
        found = await self._succeeded(message.id, call)
        async with self._file(curve_key(found.result_key)) as path:
            body = await asyncio.to_thread(_curve, path, message.points or MAX_POINTS)
        return Answer(body, {backtest_object(message.id): found.version})

    async def list_trades(self, message: ListTrades, call: Call) -> Answer:
        """Answer a page of trades in order of entry. Raises NotFound, Malformed, and Conflict while there are none."""
        start = trades_before(message.cursor, message.id)
        found = await self._succeeded(message.id, call)
        async with self._file(trades_key(found.result_key)) as path:
            page = await asyncio.to_thread(_page, path, message, start)
        return Answer(page, {backtest_object(message.id): found.version})

    async def _succeeded(self, backtest_id: str, call: Call) -> Stored:
        found = None
        if is_id(backtest_id):
            async with self._database.reading() as connection:
                found = await read_backtest(connection, backtest_id, call.user.user_id)
        if found is None:
            raise NotFound("There is no such backtest")
        if found.backtest.status != "succeeded":
            raise Conflict(_why_no_result(found.backtest))
        return found

    @asynccontextmanager
    async def _file(self, key: str) -> AsyncIterator[Path]:
        try:
            async with self._objects.as_file(key) as path:
                yield path
        except NotFound as error:
            raise Unavailable("The result's file is not in the object store at the moment") from error


def _curve(path: Path, points: int) -> bytes:
    curve = read_curve(path)
    return curve_json(curve, downsample(curve.equity, points))


def _page(path: Path, message: ListTrades, start: int) -> TradePage:
    stop = start + message.limit
    trades = trades_of(read_trades(path, start, stop + 1))
    more = len(trades) > message.limit
    return TradePage(items=trades[: message.limit], next_cursor=cursor_after(message.id, stop) if more else None)


def _why_no_result(backtest: Backtest) -> str:
    if backtest.status == "failed":
        return f"The backtest failed and has no result: {backtest.error}"
    if backtest.status == "cancelled":
        return "The backtest was cancelled and has no result"
    return f"The backtest is {backtest.status}; its result can be read when it has succeeded"
