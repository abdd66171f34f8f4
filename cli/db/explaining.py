"""`aurelius db explain`: how a SELECT is run."""

import sys

import asyncpg
import click

from cli.db.connecting import SCHEMAS, connected, run
from shared.runtime.care.explain import explain as explained


@click.command()
@click.argument("query")
@click.option("--analyze", is_flag=True, help="Run it, and show what it took; whatever functions it calls are run too.")
@click.option("--schema", type=click.Choice(SCHEMAS), default="strategy", help="Whose tables its names mean.")
@click.option(
    "--timeout", type=click.FloatRange(0.001, 3600), default=30.0, help="Seconds that it may take; 30 without."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, for programs that draw it.")
def explain(query: str, analyze: bool, schema: str, timeout: float, as_json: bool) -> None:
    """Show the plan of QUERY, one SELECT; `-` reads it from standard input.

    In a transaction that can only read, and is rolled back. A query with parameters ($1), as slow-queries shows
    them, is planned for any values.
    """
    text = sys.stdin.read() if query == "-" else query

    async def plan() -> list[str]:
        async with connected() as connection:
            try:
                return await explained(connection, schema, text, analyze=analyze, seconds=timeout, as_json=as_json)
            except asyncpg.QueryCanceledError as error:
                said = "The time was up before it had ended; give it more with --timeout"
                raise click.ClickException(said) from error

    for line in run(plan):
        click.echo(line)
