"""`aurelius db indexes`: whether they are what the release declares; with `--create` they are made so."""

import click

from cli.db.connecting import connected, run, schemas_there
from cli.db.printing import figure, moment, print_json, print_table, size
from cli.db.watching import watched
from shared.contracts.database_messages import IndexPage, IndexState
from shared.runtime.care.building import build_indexes
from shared.runtime.care.declared import declared_by
from shared.runtime.care.indexes import describe_indexes, is_wrong
from shared.runtime.care.session import Connection
from shared.runtime.migrations.history import history_of

_HEADINGS = ("table", "index", "condition", "size ", "spare ", "scans ", "last scan")
_MAKING = """
SELECT phase, round(100.0 * blocks_done / nullif(blocks_total, 0))::int
FROM pg_stat_progress_create_index WHERE pid = $1
"""


@click.command()
@click.option("--create", is_flag=True, help="Make what is missing, invalid or different, while the tables are in use.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /api/v1/admin/database/indexes does.")
def indexes(create: bool, as_json: bool) -> None:
    """Compare the indexes with those that this release declares; exit code 1 when something is wrong.

    Hints say which nobody has used since they are counted. Those that keep rows unique are never among them.
    """
    found = run(lambda: _indexes(create))
    wrong = [index for index in found if is_wrong(index)]
    if as_json:
        print_json(IndexPage(items=found))
    else:
        _print(found, wrong)
    raise SystemExit(1 if wrong else 0)


def _print(found: list[IndexState], wrong: list[IndexState]) -> None:
    print_table(_HEADINGS, [_row(index) for index in found])
    if since := max((index.counted_since for index in found if index.counted_since), default=None):
        click.echo(f"Scans are counted since {moment(since)} UTC.")
    for index in found:
        for hint in index.hints:
            click.echo(f"{index.schema}.{index.name}: {hint}")
    click.echo(f"{len(wrong)} of them are not as they are declared." if wrong else "All are as they are declared.")


def _row(index: IndexState) -> list[str]:
    scans = figure(index.scans), moment(index.last_scan_at) if index.last_scan_at or not index.scans else "-"
    sizes = size(index.bytes), size(index.spare_bytes_estimate)
    return [f"{index.schema}.{index.table}", index.name, index.condition, *sizes, *scans]


async def _indexes(create: bool) -> list[IndexState]:
    async with connected() as connection:
        schemas = await schemas_there(connection)
        for schema in schemas:
            await _require_newest(connection, schema)
            if create:
                await _create(connection, schema)
        found = []
        for schema in schemas:
            async with connection.transaction():
                found += await describe_indexes(connection, schema, declared_by(f"services.{schema}"))
        return found


async def _create(connection: Connection, schema: str) -> None:
    async with watched(connection, _MAKING):
        await build_indexes(
            connection, schema, declared_by(f"services.{schema}"), lambda step: click.echo(step, err=True)
        )


async def _require_newest(connection: Connection, schema: str) -> None:
    """Raise ClickException for a schema of another release, whose indexes this one does not know."""
    history = history_of(f"services.{schema}")
    if not await history.is_at_newest(connection):
        raise click.ClickException(
            f"The schema {schema} is not at revision {history.newest}, which this release works with: run the "
            f"migrations first (python -m shared.runtime.migrations services.{schema})"
        )
