"""Finding what a run left: only its owner does, only once it has succeeded. A result never changes once it is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.backtest.store.backtests import Stored, read_backtest
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.ids import is_id
from shared.contracts.values import Backtest
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects


class FinishedRuns:
    """The runs that succeeded, and their files."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    async def find(self, backtest_id: str, call: Call) -> Stored:
        """Return the caller's run. Raises NotFound, and Conflict while it has no result or when it never will."""
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
    async def file(self, key: str) -> AsyncIterator[Path]:
        """Lend a file of a result. Raises Unavailable."""
        try:
            async with self._objects.as_file(key) as path:
                yield path
        except NotFound as error:
            raise Unavailable("The result's file is not in the object store at the moment") from error


def _why_no_result(backtest: Backtest) -> str:
    if backtest.status == "failed":
        return f"The backtest failed and has no result: {backtest.error}"
    if backtest.status == "cancelled":
        return "The backtest was cancelled and has no result"
    return f"The backtest is {backtest.status}; its result can be read when it has succeeded"
