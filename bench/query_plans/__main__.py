"""`python -m bench.query_plans`: print what every query reads at 1,000, 100,000 and 1,000,000 runs.

Exits 1 when one reads more than it may, or by another index. `python -m bench.query_plans names` prints the table of
queries and indexes that is in ARCHITECTURE.md.
"""

import asyncio
import sys
import time

from bench.ending import undone_when_ended
from bench.query_plans.measuring import connection_to, empty_database, measured, queries_of
from bench.query_plans.query import Result
from bench.query_plans.rows import INDEXES, load
from bench.query_plans.tables import names_table, readings_table

SIZES = (1_000, 100_000, 1_000_000)
_FEW = 1_000
"""Among so few rows there is more than one good way to a page."""


async def print_readings() -> int:
    """Load and measure, size by size; returns the exit code."""
    results: dict[int, list[Result]] = {}
    faults: list[str] = []
    async with empty_database() as url, connection_to(url) as connection:
        for before, size in zip((0, *SIZES), SIZES, strict=False):
            started = time.monotonic()
            await load(connection, before + 1, size)
            loaded = time.monotonic()
            results[size] = await measured(url, await queries_of(url))
            print(
                f"{size:,} runs: loaded in {loaded - started:.0f} s, measured in {time.monotonic() - loaded:.0f} s",
                file=sys.stderr,
            )
            for result in results[size]:
                found = result.faults(indexes="all its own" if size > _FEW else "any")
                faults += [f"{size:,} runs: {fault}" for fault in found]
    print(readings_table(results))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


async def print_names() -> int:
    """Print the table of queries and indexes; returns the exit code."""
    async with empty_database() as url, connection_to(url) as connection:
        await load(connection, 1, _FEW)
        print(names_table(await queries_of(url), [row["index"] for row in await connection.fetch(INDEXES)]))
    return 0


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(asyncio.run(print_names() if sys.argv[1:] == ["names"] else print_readings()))
