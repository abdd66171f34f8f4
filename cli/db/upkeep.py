"""`aurelius db analyze` and `aurelius db vacuum`."""

from collections.abc import Callable, Mapping, Sequence

import click

from cli.db.connecting import connected, run, schemas_there, split_table
from cli.db.watching import watched
from shared.contracts.database_messages import UpkeepCommand
from shared.runtime.care.session import Connection, alone_on
from shared.runtime.care.upkeep import tables_for, take_care

_PROGRESS = """
SELECT phase, round(100.0 * heap_blks_scanned / nullif(heap_blks_total, 0))::int
FROM pg_stat_progress_vacuum WHERE pid = $1
UNION ALL
SELECT phase, round(100.0 * sample_blks_scanned / nullif(sample_blks_total, 0))::int
FROM pg_stat_progress_analyze WHERE pid = $1
"""


@click.command()
@click.argument("names", metavar="[SCHEMA.TABLE]...", nargs=-1)
def analyze(names: Sequence[str]) -> None:
    """Make the planner's statistics of these tables anew, or of all."""
    _take_care("analyze", names)


@click.command()
@click.argument("names", metavar="[SCHEMA.TABLE]...", nargs=-1)
def vacuum(names: Sequence[str]) -> None:
    """Free the space of dead rows in these tables, or in all, and analyze them; reads and writes go on meanwhile."""
    _take_care("vacuum", names)


def _take_care(command: UpkeepCommand, names: Sequence[str]) -> None:
    chosen = [split_table(name) for name in names]
    busy = run(lambda: _work(command, chosen))
    if busy:
        raise click.ClickException(f"Left out, because others had them locked for long: {', '.join(busy)}")


async def _work(command: UpkeepCommand, chosen: Sequence[tuple[str, str]]) -> list[str]:
    busy = []
    async with connected() as connection:
        schemas = await schemas_there(connection)
        for schema in dict.fromkeys(schema for schema, _ in chosen) or schemas:
            tables = await _tables(connection, schema, [table for own, table in chosen if own == schema])
            async with alone_on(connection, schema), watched(connection, _PROGRESS):
                left = await take_care(connection, command, tables, _teller(schema))
            busy += [f"{schema}.{name}" for name in left]
    return busy


async def _tables(connection: Connection, schema: str, names: Sequence[str]) -> Mapping[str, str]:
    if not names:
        return await tables_for(connection, schema, None)
    return {
        name: identifier for each in names for name, identifier in (await tables_for(connection, schema, each)).items()
    }


def _teller(schema: str) -> Callable[[str], None]:
    return lambda table: click.echo(f"{schema}.{table}", err=True)
