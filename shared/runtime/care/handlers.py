"""What a service answers about its tables, and does to them when an administrator says so."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import msgspec

from shared.contracts.database_messages import (
    DescribeIndexes,
    DescribeTables,
    IndexPage,
    ListSlowQueries,
    TablePage,
    TableState,
    Upkeep,
    UpkeepBegun,
)
from shared.contracts.errors import Conflict, Forbidden, Unavailable
from shared.runtime.bus.server import Answer, Call
from shared.runtime.care.declared import Index
from shared.runtime.care.indexes import describe_indexes
from shared.runtime.care.session import Connection, alone_on
from shared.runtime.care.slow_queries import list_slow_queries
from shared.runtime.care.tables import count_rows, describe_tables, identifiers
from shared.runtime.care.upkeep import tables_for, take_care
from shared.runtime.database import Database
from shared.runtime.tasks import end_tasks

log = logging.getLogger(__name__)

ANSWER_SECONDS = 1.0
"""What of a request's time is left for the answer when rows are counted or an end is waited for."""

Session = Callable[[], AbstractAsyncContextManager[Connection]]
LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class CareHandlers:
    """The tables of one schema. `session` opens a connection for what takes its time; see `care_session`."""

    def __init__(self, database: Database, schema: str, declared: Sequence[Index], session: Session) -> None:
        self._database = database
        self._schema = schema
        self._declared = declared
        self._session = session
        self._work: asyncio.Task[list[str]] | None = None

    async def tables(self, message: DescribeTables, call: Call) -> Answer:
        """Describe the tables. Raises Forbidden, Unavailable."""
        _check_admin(call)
        async with self._database.reading() as connection:
            found = await describe_tables(connection, [self._schema])
        if message.exact:
            counts = await self._counts(call.seconds_left - ANSWER_SECONDS)
            found = [_counted(table, counts.get(table.name)) for table in found]
        return Answer(TablePage(items=found))

    async def _counts(self, seconds: float) -> dict[str, int]:
        """Count the rows of as many tables as the time allows, the smallest first, and of those this user may read."""
        counts: dict[str, int] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)), self._session() as connection:
                for name, identifier in (await identifiers(connection, self._schema)).items():
                    with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
                        counts[name] = await count_rows(connection, identifier)
        return counts

    async def indexes(self, message: DescribeIndexes, call: Call) -> Answer:
        """Describe the indexes. Raises Forbidden, Unavailable."""
        _check_admin(call)
        async with self._database.transaction() as connection:
            found = await describe_indexes(connection, self._schema, self._declared)
        return Answer(IndexPage(items=found))

    async def slow_queries(self, message: ListSlowQueries, call: Call) -> Answer:
        """List the statements of the service's own role that took most. Raises Forbidden, Unavailable."""
        _check_admin(call)
        async with self._database.reading() as connection:
            role = str(await connection.fetchval("SELECT current_user"))
            return Answer(await list_slow_queries(connection, message.sort, message.limit, role=role))

    async def upkeep(self, message: Upkeep, call: Call) -> Answer:
        """Begin to analyze or vacuum, which goes on when the caller does not wait for its end.

        Raises Forbidden, NotFound for a table, Conflict when somebody is at it, Unavailable.
        """
        _check_admin(call)
        if self._work is not None and not self._work.done():
            raise Conflict(
                "This service analyzes or vacuums its tables already; GET admin/database/tables shows how far"
            )
        begun: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        work = self._work = asyncio.create_task(self._take_care(message, begun))
        work.add_done_callback(_note_end)
        either: set[asyncio.Future[Any]] = {begun, work}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not begun.done():
            raise _in_the_callers_terms(work)
        await asyncio.wait({work}, timeout=max(0.0, min(message.wait, call.seconds_left - ANSWER_SECONDS)))
        if work.done() and (work.cancelled() or work.exception()):
            raise _in_the_callers_terms(work)
        tables, left_out = begun.result(), work.result() if work.done() else []
        return Answer(UpkeepBegun(command=message.command, tables=tables, finished=work.done(), left_out=left_out))

    async def _take_care(self, message: Upkeep, begun: "asyncio.Future[list[str]]") -> list[str]:
        name = message.table.partition(".")[2] if message.table else None
        async with self._session() as connection:
            tables = await tables_for(connection, self._schema, name)
            async with alone_on(connection, self._schema):
                begun.set_result([f"{self._schema}.{table}" for table in tables])
                busy = await take_care(connection, message.command, tables, lambda _: None)
        left_out = [f"{self._schema}.{table}" for table in busy]
        if left_out:
            log.warning("left out, because others had them locked for long: %s", ", ".join(left_out))
        return left_out

    async def close(self) -> None:
        """Have what is under way broken off: it is done anew another time."""
        if self._work is not None:
            await end_tasks([self._work])


def _counted(table: TableState, rows: int | None) -> TableState:
    return msgspec.structs.replace(table, rows=rows)


def _check_admin(call: Call) -> None:
    if call.user.role != "admin":
        raise Forbidden("This is for administrators")


def _in_the_callers_terms(work: "asyncio.Task[list[str]]") -> BaseException:
    """Return what to raise for work that has failed."""
    error = Unavailable("The service is stopping") if work.cancelled() else work.exception()
    return (
        Unavailable("The database does not do it at the moment") if error is None or isinstance(error, LOST) else error
    )


def _note_end(work: "asyncio.Task[list[str]]") -> None:
    """Tell of an end that perhaps nobody waits for."""
    if not work.cancelled() and isinstance(error := work.exception(), LOST):
        log.warning("the tables could not all be looked after: %s", error)
