"""The indexes that a release declares, written as Postgres shows them, so that a look tells whether they are there."""

import importlib
import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Constraint = Literal["", "PRIMARY KEY", "UNIQUE"]

NEW: Final = "_new"
"""Ends the name of an index that is to take another's place."""


class Index(msgspec.Struct, frozen=True):
    """One index. `definition` is what `pg_get_indexdef` shows behind the table's name.

    `constraint` is of one that a constraint of the same name stands on.
    """

    name: str
    table: str
    definition: str
    unique: bool = False
    constraint: Constraint = ""

    def statement(self, schema: str, name: str) -> str:
        """Return what makes it under this name while the table is in use. All of it is our own text."""
        unique = "UNIQUE " if self.unique else ""
        return f'CREATE {unique}INDEX CONCURRENTLY "{name}" ON "{schema}"."{self.table}" {self.definition}'


def index(name: str, table: str, columns: str, *, unique: bool = False, where: str = "") -> Index:
    """Return a B-tree index."""
    return Index(name, table, f"USING btree ({columns})" + (f" WHERE {where}" if where else ""), unique)


def primary_key(table: str, columns: str) -> Index:
    """Return the index of a table's primary key."""
    return Index(f"{table}_pkey", table, f"USING btree ({columns})", unique=True, constraint="PRIMARY KEY")


def unique_key(table: str, *columns: str) -> Index:
    """Return the index of a UNIQUE constraint, under the name that Postgres gives one."""
    name = "_".join((table, *columns, "key"))
    return Index(name, table, f"USING btree ({', '.join(columns)})", unique=True, constraint="UNIQUE")


def names_of(declared: Iterable[Index]) -> re.Pattern[str]:
    """Return what matches their names, and those of what an interruption leaves, ours and of REINDEX CONCURRENTLY."""
    return re.compile(rf"({'|'.join(re.escape(each.name) for each in declared)})({NEW}|_ccnew\d*|_ccold\d*)?")


def declared_by(package: str) -> tuple[Index, ...]:
    """Return what a service's `migrations/indexes.py` declares."""
    found: tuple[Index, ...] = importlib.import_module(f"{package}.migrations.indexes").INDEXES
    return found


SHARED: tuple[Index, ...] = (
    Index("alembic_version_pkc", "alembic_version", "USING btree (version_num)", unique=True, constraint="PRIMARY KEY"),
    primary_key("edited_object", "transaction, object"),
    primary_key("group_floor", "stream, name"),
    primary_key("object_version", "object"),
    primary_key("outbox", "id"),
    unique_key("outbox", "stream", "sequence"),
    index("outbox_unsequenced", "outbox", "id", where="(sequence IS NULL)"),
    index("outbox_unsent", "outbox", "stream, sequence", where="(published_at IS NULL)"),
    primary_key("relay_lease", "name"),
    primary_key("request_answer", "key"),
    index("request_answer_by_expiry", "request_answer", "expires_at"),
    primary_key("stream_sequence", "stream"),
)
"""Those of the tables that every service with a database has (`shared.runtime.migrations.shared_tables`)."""
