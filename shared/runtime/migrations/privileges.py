"""What a service's role holds in the database, what it should hold, and the statements in between."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from shared.runtime.migrations.session import Connection

MAINTAIN_SINCE = 17
"""The version of Postgres from which on others than a table's owner can be let analyze and vacuum it."""

Privilege = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]
Grants = Mapping[str, tuple[Privilege, ...]]
"""By table. A table that is not named is out of the role's reach."""

# What the role itself was granted. May everybody connect to the database, so may it; nothing else that everybody may
# do counts.
_HELD = """
WITH object (kind, "table", identifier, acl, columns_of) AS (
    SELECT 'DATABASE', '', quote_ident(datname), datacl, NULL::oid FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'SCHEMA', '', quote_ident(nspname), nspacl, NULL FROM pg_namespace WHERE nspname = $1
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, relname, format('%I.%I', nspname, relname), relacl,
           c.oid
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
)
SELECT kind, "table", identifier,
       ARRAY(SELECT privilege_type || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
             FROM aclexplode(acl) WHERE grantee = role.oid)
       || ARRAY(SELECT format('%s (%I)', privilege_type, attname)
                FROM pg_attribute, aclexplode(attacl) WHERE attrelid = columns_of AND grantee = role.oid)
       || CASE WHEN kind = 'DATABASE' AND has_database_privilege(role.oid, current_database(), 'CONNECT')
               THEN ARRAY['CONNECT'] ELSE '{}' END AS held
FROM object, pg_roles AS role
WHERE rolname = $2
"""


@dataclass(frozen=True, slots=True)
class Held:
    """The role's privileges on one database, schema, table or sequence; `table` is empty for what is none."""

    kind: Literal["DATABASE", "SCHEMA", "TABLE", "SEQUENCE"]
    table: str
    identifier: str
    privileges: frozenset[str]


async def held_by(connection: Connection, role: str, schema: str) -> list[Held]:
    """Return what `role` holds on this database, on `schema` and on all that is in it."""
    rows = await connection.fetch(_HELD, schema, role)
    return [Held(row["kind"], row["table"], row["identifier"], frozenset(row["held"])) for row in rows]


def missing_tables(held: Iterable[Held], grants: Grants) -> list[str]:
    """Return the tables that `grants` names and the schema does not have."""
    return sorted(set(grants).difference(each.table for each in held if each.kind == "TABLE"))


def changes(held: Iterable[Held], grants: Grants, role: str, *, maintains: bool = False) -> list[str]:
    """Return the statements after which `role`, a quoted name, holds `grants` and no more; none when it does.

    With `maintains` it may also analyze and vacuum the tables that are granted.
    """
    statements: list[str] = []
    for each in held:
        wanted = _wanted(each, grants, maintains)
        if each.privileges == frozenset(wanted):
            continue
        if each.privileges:
            statements.append(f"REVOKE ALL ON {each.kind} {each.identifier} FROM {role}")
        if wanted:
            statements.append(f"GRANT {', '.join(wanted)} ON {each.kind} {each.identifier} TO {role}")
    return statements


def _wanted(each: Held, grants: Grants, maintains: bool) -> tuple[str, ...]:
    if each.kind == "TABLE":
        return (*grants[each.table], *(("MAINTAIN",) if maintains else ())) if each.table in grants else ()
    # A sequence behind an identity column is used with the table's own rights.
    return {"DATABASE": ("CONNECT",), "SCHEMA": ("USAGE",), "SEQUENCE": ()}[each.kind]
