"""`aurelius db tables`: how large they are."""

import click
import msgspec

from cli.db.connecting import connected, run, schemas_there
from cli.db.printing import figure, moment, print_json, print_table, size
from shared.contracts.database_messages import TablePage, TableState
from shared.runtime.care.tables import count_rows, describe_tables, identifiers

_SIZES = ("total ", "rows' bytes ", "spare ", "toast ", "indexes ")
_HEADINGS = ("table", "rows ", *_SIZES, "dead ", "analyzed", "vacuumed")


@click.command()
@click.option("--exact", is_flag=True, help="Count the rows, reading each table whole, rather than show an estimate.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /api/v1/admin/database/tables does.")
def tables(exact: bool, as_json: bool) -> None:
    """Show sizes and rows of every table, the largest first."""
    found = run(lambda: _tables(exact))
    if as_json:
        print_json(TablePage(items=found))
        return
    print_table(_HEADINGS, [_row(table) for table in found])
    for table in found:
        for hint in table.hints:
            click.echo(f"{table.schema}.{table.name}: {hint}")


async def _tables(exact: bool) -> list[TableState]:
    async with connected() as connection:
        schemas = await schemas_there(connection)
        found = await describe_tables(connection, schemas)
        if exact:
            names = {schema: await identifiers(connection, schema) for schema in schemas}
            found = [
                msgspec.structs.replace(table, rows=await count_rows(connection, names[table.schema][table.name]))
                for table in found
            ]
        return found


def _row(table: TableState) -> list[str]:
    rows = figure(table.rows) if table.rows is not None else f"~{figure(table.rows_estimate)}"
    return [
        f"{table.schema}.{table.name}",
        rows,
        *map(size, (table.total_bytes, table.table_bytes, table.spare_bytes_estimate)),
        *map(size, (table.toast_bytes, table.index_bytes)),
        figure(table.dead_rows),
        moment(table.analyzed_at),
        moment(table.vacuumed_at),
    ]
