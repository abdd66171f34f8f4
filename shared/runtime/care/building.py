"""Makes the declared indexes that are missing, while the tables are in use.

An index is made and dropped CONCURRENTLY, each in a statement of its own, so that whatever ends this half-way leaves at
most an index that no query uses: the next run drops it and begins anew. One that is to be replaced stays until the new
one is there.
"""

from collections.abc import Callable, Sequence

import asyncpg

from shared.runtime.care.declared import NEW, Index, names_of
from shared.runtime.care.indexes import Found, found_in
from shared.runtime.care.session import Connection, alone_on
from shared.runtime.search_path import SEARCH_PATH

Tell = Callable[[str], None]

SWAP_LOCK_SECONDS = 2
"""How long a statement may wait for a lock that stops all: who waits for one holds up everybody behind it."""
SWAP_TRIES = 5

# While one is made it looks like what an interruption leaves.
_BEING_MADE = """
SELECT relname::text FROM pg_stat_progress_create_index JOIN pg_class AS c ON c.oid = index_relid
WHERE datname = current_database() AND relnamespace = to_regnamespace(quote_ident($1))
"""


class CannotBuild(Exception):
    """An index cannot be made as it is declared; says why, and what to do."""


async def build_indexes(connection: Connection, schema: str, declared: Sequence[Index], tell: Tell) -> int:
    """Make what is missing, invalid or different; returns how many were made. `tell` is given each step.

    Raises Conflict when somebody else cares for the schema, CannotBuild, and asyncpg's errors. For the tables' owner.
    """
    async with alone_on(connection, schema):
        # It waits for transactions that began before; nobody waits for it.
        await connection.execute("SET lock_timeout = 0")
        builder = _Builder(connection, schema, tell)
        await builder.remove_left_overs(declared)
        made = 0
        for index in declared:
            made += await builder.ensure(index)
        return made


class _Builder:
    def __init__(self, connection: Connection, schema: str, tell: Tell) -> None:
        self._connection = connection
        self._schema = schema
        self._tell = tell

    async def _found(self) -> dict[str, Found]:
        async with self._connection.transaction():
            return await found_in(self._connection, self._schema)

    async def remove_left_overs(self, declared: Sequence[Index]) -> None:
        """Drop the invalid indexes of interrupted runs, and of a REINDEX CONCURRENTLY of a declared one."""
        ours = names_of(declared)
        being_made = {row[0] for row in await self._connection.fetch(_BEING_MADE, self._schema)}
        for name, found in (await self._found()).items():
            if found.valid or not ours.fullmatch(name):
                continue
            if name in being_made:
                raise CannotBuild(
                    f"{name} is being made by somebody else at this moment; try again when that has ended"
                )
            await self._drop(name, "which was left half-made")

    async def ensure(self, index: Index) -> bool:
        """Leave an index as it is declared; True when that took something."""
        found = await self._found()
        there, new = found.get(index.name), found.get(index.name + NEW)
        if there is not None and there.is_as(index):
            if new is not None:  # a run ended before it had dropped what it had made for another declaration
                await self._drop(index.name + NEW, "which nobody needs any more")
            return False
        if there is not None and there.constraint:
            raise CannotBuild(
                f"{index.name} on {self._schema}.{index.table} belongs to a constraint and is {there.definition}, not "
                f"{index.definition}: only a migration may change it"
            )
        if there is None or not _may_become(there, index):
            await self._put(index, there, new)
        if index.constraint:
            await self._briefly(
                f'ALTER TABLE "{self._schema}"."{index.table}" ADD CONSTRAINT "{index.name}" {index.constraint} '
                f'USING INDEX "{index.name}"'
            )
        return True

    async def _put(self, index: Index, there: Found | None, new: Found | None) -> None:
        """Make an index, in the place of the one that is there, if any; `new` is what an earlier run made for that."""
        if new is not None and not _may_become(new, index):
            await self._drop(index.name + NEW, "which was made for another declaration")
            new = None
        if there is None and new is None:
            await self._make(index, index.name)
            return
        if new is None:
            await self._make(index, index.name + NEW)
        if there is not None:
            await self._drop(index.name, f"which was {there.definition}")
        await self._briefly(f'ALTER INDEX "{self._schema}"."{index.name}{NEW}" RENAME TO "{index.name}"')

    async def _make(self, index: Index, name: str) -> None:
        self._tell(f"making {self._schema}.{name} on {index.table} {index.definition}")
        # A statement that is in no transaction finds the extensions' schemas by the session's setting.
        path = await self._connection.fetchval(SEARCH_PATH, self._schema)
        await self._connection.execute("SELECT set_config('search_path', $1, false)", path)
        try:
            await self._connection.execute(index.statement(self._schema, name))
        except asyncpg.UniqueViolationError as error:
            await self._drop(name, "which could not be made")
            raise CannotBuild(
                f"{index.name} on {self._schema}.{index.table} must be unique, and there are rows that are alike "
                f"({error.detail}): remove all but one of each, then start again"
            ) from error
        except asyncpg.UndefinedObjectError as error:
            raise CannotBuild(
                f"{index.name} needs what the database lacks: {error}. Run the migrations first"
            ) from error

    async def _drop(self, name: str, why: str) -> None:
        self._tell(f"dropping {self._schema}.{name}, {why}")
        await self._connection.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{self._schema}"."{name}"')

    async def _briefly(self, statement: str) -> None:
        """Run what takes no time but stops all who use the table, and do not make them queue for long behind it."""
        for attempt in range(1, SWAP_TRIES + 1):
            try:
                async with self._connection.transaction():
                    await self._connection.execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK_SECONDS}s'")
                    await self._connection.execute(statement)
            except asyncpg.LockNotAvailableError as error:
                if attempt == SWAP_TRIES:
                    raise CannotBuild(
                        f"a transaction holds the table and does not end: {statement} was tried {SWAP_TRIES} times. "
                        "Let it end, then start again: what was made stays"
                    ) from error
            else:
                return


def _may_become(found: Found, index: Index) -> bool:
    """Say whether one under another name, or without its constraint, is what is declared."""
    return (found.table, found.definition, found.unique) == (index.table, index.definition, index.unique)
