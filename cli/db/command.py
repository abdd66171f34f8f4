"""`aurelius db`: the group of commands."""

import click

from cli.db.explaining import explain
from cli.db.indexing import indexes
from cli.db.sizes import tables
from cli.db.slow import slow_queries
from cli.db.upkeep import analyze, vacuum


@click.group("db")
def command() -> None:
    """Look after the database of DATABASE_URL, as its owner.

    Without DATABASE_URL it is the embedded one of `make run`, of the folder DATA_DIR (.data).
    """


for each in (tables, indexes, analyze, vacuum, slow_queries, explain):
    command.add_command(each)
