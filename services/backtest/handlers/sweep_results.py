"""The combinations of a sweep: a page of the best, or all as a file. What is another owner's is not found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.backtest.core.rank_cursor import cursor_behind, rank_before
from services.backtest.core.ranking import Rank
from services.backtest.exports import Exports
from services.backtest.files.sweep_file import SweepTable
from services.backtest.files.sweep_tables import sweep_pieces
from services.backtest.store.sweeps import StoredSweep, read_sweep
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.ids import is_id
from shared.contracts.messages import ExportSweepResults, ListSweepResults
from shared.contracts.objects import sweep_object
from shared.contracts.sweep_values import Sweep, SweepRowPage
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects


class SweepResultHandlers:
    """Results of succeeded sweeps, which never change. All raise NotFound, and Conflict while there are none."""

    def __init__(self, database: Database, objects: Objects, exports: Exports) -> None:
        self._database = database
        self._objects = objects
        self._exports = exports

    async def list_results(self, message: ListSweepResults, call: Call) -> Answer:
        """Answer a page of combinations, the best first. Raises Malformed for a cursor of something else, too."""
        found = await self._find(message.id, call)
        metric = message.metric or found.sweep.objective
        list_id = f"{message.id} {metric}"
        after = rank_before(message.cursor, list_id)
        async with self._file(found) as path:
            page = await asyncio.to_thread(_page, path, metric, list_id, message.limit, after)
        return Answer(page, {sweep_object(message.id): found.version})

    async def export(self, message: ExportSweepResults, call: Call) -> Answer:
        """Make a file of all combinations and answer where it is."""
        found = await self._find(message.id, call)
        async with self._file(found) as path:
            table = await asyncio.to_thread(sweep_pieces, path, message.form)
            export = await self._exports.store(table, call)
        return Answer(export, {sweep_object(message.id): found.version})

    async def _find(self, sweep_id: str, call: Call) -> StoredSweep:
        found = None
        if is_id(sweep_id):
            async with self._database.reading() as connection:
                found = await read_sweep(connection, sweep_id, call.user.user_id)
        if found is None:
            raise NotFound("There is no such sweep")
        if found.sweep.status != "succeeded":
            raise Conflict(_why_no_results(found.sweep))
        return found

    @asynccontextmanager
    async def _file(self, found: StoredSweep) -> AsyncIterator[Path]:
        try:
            async with self._objects.as_file(found.result_key) as path:
                yield path
        except NotFound as error:
            raise Unavailable("The results' file is not in the object store at the moment") from error


def _page(path: Path, metric: str, list_id: str, limit: int, after: Rank | None) -> SweepRowPage:
    table = SweepTable(path)
    ranks = table.best(metric, limit + 1, after)
    shown = ranks[:limit]
    more = len(ranks) > limit
    return SweepRowPage(
        items=table.rows(rank.number for rank in shown),
        next_cursor=cursor_behind(list_id, shown[-1]) if more else None,
    )


def _why_no_results(sweep: Sweep) -> str:
    if sweep.status == "failed":
        return f"The sweep failed and has no results: {sweep.error}"
    if sweep.status == "cancelled":
        return "The sweep was cancelled and has no results"
    return f"The sweep is {sweep.status}; its results can be read when it has succeeded"
