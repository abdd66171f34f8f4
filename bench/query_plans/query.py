"""A query of the services: what it may use and read, the trials that show it, and what they showed."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.query_plans.plan import MODES, NOTHING, Mode, Reading, explain
from bench.query_plans.recorder import Recorder, Statement
from shared.runtime.database import Connection, Database

Use = Callable[[Connection], Awaitable[object]]
Service = Literal["strategy", "backtest"]

VERSION = "object_version_pkey"
"""What every list and every single resource reads its version by."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A use of the stores, how many rows it may read and writes, and what has to be there before."""

    run: Use
    rows: int
    writes: int = 0
    before: Use | None = None

    @property
    def buffers(self) -> float:
        """How many pages it may touch.

        A page of the table for each row and one of the index for every other, the upper levels of up to eight indexes,
        and for a row that is written the pages of all its indexes: one of them has a dozen entries for a row.
        """
        return 1.5 * self.rows + 40 + 100 * self.writes


@dataclass(frozen=True, slots=True)
class Query:
    """A query by the name it has in the documents. Of `indexes` its trials use all, and no other.

    `remark` is what the documents say of them where their names do not tell how they are used.
    """

    name: str
    service: Service
    indexes: frozenset[str]
    trials: Sequence[Trial]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What the trials of a query read: one after the other, each in every mode."""

    query: Query
    readings: tuple[tuple[Trial, Reading], ...]

    @property
    def rows(self) -> int:
        """The most rows that a trial read."""
        return max(reading.rows for _, reading in self.readings)

    @property
    def buffers(self) -> int:
        """The most pages that a trial touched."""
        return max(reading.buffers for _, reading in self.readings)

    @property
    def milliseconds(self) -> float:
        """What a trial took in the middle: the slowest one tells more of the machine."""
        return sorted(reading.milliseconds for _, reading in self.readings)[len(self.readings) // 2]

    def faults(self, *, indexes: Literal["any", "its own", "all its own"]) -> list[str]:
        """Return where it is not what it should be.

        Among a thousand rows there is `any` number of ways to a few. `its own`: by no other index than the query has;
        `all its own`: every one of them was used.
        """
        used, own = frozenset[str]().union(*(reading.indexes for _, reading in self.readings)), self.query.indexes
        faults: dict[str, None] = {}
        for trial, reading in self.readings:
            if reading.rows > trial.rows:
                faults[f"reads {reading.rows} rows, may read {trial.rows}"] = None
            if reading.buffers > trial.buffers:
                faults[f"touches {reading.buffers} pages, may touch {trial.buffers:.0f}"] = None
        if (indexes == "its own" and not used <= own) or (indexes == "all its own" and used != own):
            faults[f"uses {_named(used)}, should use {_named(own)}"] = None
        return [f"{self.query.name}: {fault}" for fault in faults]


async def measure(database: Database, query: Query, modes: Sequence[Mode] = MODES) -> Result:
    """Try a query and explain what it sent; what it changed is rolled back."""
    readings: list[tuple[Trial, Reading]] = []
    for trial in query.trials:
        with contextlib.suppress(_RolledBack):
            async with database.transaction() as connection:
                statements = await _sent(connection, trial)
                readings += [(trial, await _read(connection, statements, mode)) for mode in modes]
                raise _RolledBack
    return Result(query, tuple(readings))


async def _sent(connection: Connection, trial: Trial) -> list[Statement]:
    if trial.before is not None:
        await trial.before(connection)
    recorder = Recorder(connection)
    await connection.execute("SAVEPOINT before")
    await trial.run(recorder)
    await connection.execute("ROLLBACK TO before")
    return recorder.statements


async def _read(connection: Connection, statements: Sequence[Statement], mode: Mode) -> Reading:
    reading = NOTHING
    for statement in statements:
        reading += await explain(connection, statement, mode)
    await connection.execute("ROLLBACK TO before")
    return reading


class _RolledBack(Exception):
    """Ends a transaction without a trace."""


def _named(indexes: frozenset[str]) -> str:
    return ", ".join(sorted(indexes)) or "no index"
