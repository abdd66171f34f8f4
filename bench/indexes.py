"""`python -m bench.indexes`: what queries of the services take with their index, and without it.

A database of a million runs, as `python -m bench.query_plans` has it. Each query runs as its store sends it, planned by
Postgres for its values, with its index and in a transaction that has dropped it, in turns, the order reversed in every
other round; all other indexes stay, and Postgres takes the best of them. Milliseconds are those of the execution, after
a round to warm up. Ends with 1 when an index saves nothing.

    --runs 1000000      how many there are
    --rounds 7
"""

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from bench.ending import undone_when_ended
from bench.query_plans.measuring import connected, connection_to, empty_database, queries_of
from bench.query_plans.plan import Reading
from bench.query_plans.query import Query, measure
from bench.query_plans.rows import load
from bench.serving.machine import describe, load_average
from bench.spread import spread
from shared.runtime.database import Connection, Database

CHOSEN = {
    "strategies by updated_at": "strategies_by_updated_at",
    "strategies of a status by name": "strategies_by_status_name",
    "strategies by what only the last names contain": "strategies_by_part_of_name",
    "an account by its email": "users_by_email",
    "the other sessions of an account ended": "sessions_by_user",
    "backtests by created_at": "backtests_by_created_at",
    "backtests of a status by created_at": "backtests_by_status",
    "backtests of a strategy by sharpe": "backtests_by_strategy_sharpe",
    "backtests on a dataset by total_return": "backtests_by_dataset_total_return",
    "a run of an identity that has a result": "backtests_by_identity",
    "sweeps by created_at": "sweeps_by_created_at",
    "100 old answers of backtest forgotten": "request_answer_by_expiry",
}
"""Names of bench/query_plans, one of each kind; that each uses its index, and reads no more than it must, is shown
there. Which index each loses."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One query: what its first trial read in each round, with the index and without."""

    query: Query
    index: str
    with_it: list[Reading] = field(default_factory=list)
    without: list[Reading] = field(default_factory=list)

    @property
    def saved(self) -> list[float]:
        """How many times as long it took without, round by round."""
        return [off.milliseconds / on.milliseconds for on, off in zip(self.with_it, self.without, strict=True)]


def table(compared: Sequence[Compared]) -> str:
    """Return a line for each query: rows read, pages of 8 kB touched, milliseconds, with the index and without."""
    lines = [
        "| query | index | rows | pages | ms | rows without | pages without | ms without | times as long |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in compared:
        cells = [each.query.name, f"`{each.index}`"]
        for readings in (each.with_it, each.without):
            milliseconds = median(reading.milliseconds for reading in readings)
            cells += [f"{readings[-1].rows:,}", f"{readings[-1].buffers:,}", f"{milliseconds:,.2f}"]
        cells.append(spread(each.saved).told(0))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


async def compare(database: Database, query: Query, index: str, rounds: int) -> Compared:
    """Measure one query in turns."""
    first = query.trials[0]

    async def drop(connection: Connection) -> None:
        if first.before is not None:
            await first.before(connection)
        await connection.execute(f'DROP INDEX "{index}"')  # our own name

    ways = {
        "with_it": replace(query, trials=[first]),
        "without": replace(query, trials=[replace(first, before=drop)]),
    }
    found = Compared(query, index)
    for number in range(-1, rounds):
        for name, way in list(ways.items())[:: 1 if number % 2 == 0 else -1]:
            [(_, reading)] = (await measure(database, way, modes=("custom",))).readings
            if number >= 0:
                getattr(found, name).append(reading)
    return found


async def compare_all(url: str, rounds: int) -> list[Compared]:
    """Measure all that are chosen. Raises LookupError for a query that does not use its index by its own account."""
    by_name = {query.name: query for query in await queries_of(url)}
    found = []
    for name, index in CHOSEN.items():
        if index not in by_name[name].indexes:
            raise LookupError(f"{name} does not use {index}")
        async with connected(url, by_name[name].service) as database:
            found.append(await compare(database, by_name[name], index, rounds))
    return found


async def run(runs: int, rounds: int) -> int:
    """Fill, measure and print; returns the exit code."""
    before = load_average()
    async with empty_database() as url, connection_to(url) as connection:
        await load(connection, 1, runs)
        version = str(await connection.fetchval("SHOW server_version"))
        compared = await compare_all(url, rounds)
    print(
        f"On {describe('asyncpg')}, Postgres {version}. {runs:,} runs, and what goes with them. Load average {before} "
        f"before, {load_average()} at the end. Medians of {rounds} rounds, with and without in turn; the ratio is the "
        "median of the rounds' own, with the least and the greatest.\n"
    )
    print(table(compared))
    useless = [each.query.name for each in compared if median(each.saved) <= 1]
    for name in useless:
        print(f"{name}: its index saves nothing", file=sys.stderr)
    return 1 if useless else 0


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m bench.indexes")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with undone_when_ended():
        sys.exit(asyncio.run(run(asked.runs, asked.rounds)))
