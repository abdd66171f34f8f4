"""`aurelius db slow-queries`: the statements that took most."""

from typing import cast, get_args

import click

from cli.db.connecting import connected, run
from cli.db.printing import figure, moment, print_json, print_table
from shared.contracts.database_messages import SlowQueryPage, SlowQuerySort
from shared.runtime.care.slow_queries import list_slow_queries

_HEADINGS = ("total s ", "mean ms ", "max ms ", "calls ", "rows ", "role", "id")


@click.command("slow-queries")
@click.option(
    "--sort", type=click.Choice(get_args(SlowQuerySort)), default="total", help="By what; total time without."
)
@click.option("--limit", type=click.IntRange(1, 200), default=20, help="How many; 20 without.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /api/v1/admin/database/slow-queries does.")
def slow_queries(sort: str, limit: int, as_json: bool) -> None:
    """List the statements that took most, of every role, as pg_stat_statements counts them.

    Exit code 1 when the server does not count them; what is said then, and `advice` in the JSON, is what to do.
    """
    page = run(lambda: _slow_queries(cast("SlowQuerySort", sort), limit))
    if as_json:
        print_json(page)
        raise SystemExit(0 if page.available else 1)
    if not page.available:
        raise click.ClickException(page.advice or "")
    print_table(_HEADINGS, [_row(page, number) for number in range(len(page.items))])
    for query in page.items:
        click.echo(f"\n{query.id} ({query.role}):\n{query.query}")
    click.echo(f"\nCounted since {moment(page.counted_since)} UTC.")


async def _slow_queries(sort: SlowQuerySort, limit: int) -> SlowQueryPage:
    async with connected() as connection:
        return await list_slow_queries(connection, sort, limit)


def _row(page: SlowQueryPage, number: int) -> list[str]:
    query = page.items[number]
    times = f"{query.total_ms / 1000:,.2f}", f"{query.mean_ms:,.2f}", f"{query.max_ms:,.1f}"
    return [*times, figure(query.calls), figure(query.rows), query.role, query.id]
