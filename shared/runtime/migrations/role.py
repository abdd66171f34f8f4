"""A service's role: made when it is missing, refused when it may do more than a service should, granted its tables."""

import asyncpg

from shared.runtime.migrations.login import Login
from shared.runtime.migrations.privileges import MAINTAIN_SINCE, Grants, changes, held_by, missing_tables
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.session import Connection

# No limit of connections: how many a service needs depends on how many of it run, which a migration cannot know.
_NO_POWER = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"

# Whoever owns a table, its schema or the database may change it, and a member may do what its group may. Postgres's own
# groups (pg_read_all_data) reach into every schema.
_POWERS = """
SELECT array_remove(ARRAY[
           CASE WHEN rolsuper THEN 'SUPERUSER' END,
           CASE WHEN rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN rolreplication THEN 'REPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' END
       ], NULL) AS attributes,
       ARRAY(SELECT DISTINCT quote_ident(other.rolname)
             FROM pg_roles AS other
             WHERE pg_has_role(role.oid, other.oid, 'MEMBER')
             AND (other.rolname LIKE 'pg\\_%' OR other.oid IN (
                 SELECT datdba FROM pg_database WHERE datname = current_database()
                 UNION ALL
                 SELECT nspowner FROM pg_namespace WHERE nspname = $2
                 UNION ALL
                 SELECT relowner FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = $2
             ))) AS rights_of,
       ARRAY(SELECT nspname FROM pg_namespace AS n JOIN pg_class ON relnamespace = n.oid
             WHERE nspname <> $2 AND relname = 'alembic_version'
             AND EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = role.oid)) AS other_schemas
FROM pg_roles AS role
WHERE rolname = $1
"""


async def ensure_role(connection: Connection, login: Login, schema: str, grants: Grants) -> None:
    """Leave the role of `login` with `grants` on the tables of `schema`, and nothing else. In the schema's transaction.

    Raises MigrationFailed when the role cannot be made, may do more, or may not be given what it needs.
    """
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", login.user):
        await _make(connection, login)
    await _refuse_powers(connection, login, schema)
    held = await held_by(connection, login.user, schema)
    if missing := missing_tables(held, grants):
        raise MigrationFailed(f"grants.py names tables that the schema {schema} does not have: {', '.join(missing)}")
    maintains = connection.get_server_version().major >= MAINTAIN_SINCE
    statements = changes(held, grants, login.role, maintains=maintains)
    for statement in statements:
        await connection.execute(statement)
    held = await held_by(connection, login.user, schema)
    if statements and (left := changes(held, grants, login.role, maintains=maintains)):
        raise MigrationFailed(
            f"the owner may not do all that the role needs; as an administrator, run: {'; '.join(left)}"
        )


async def _make(connection: Connection, login: Login) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE ROLE {login.role} {_NO_POWER} {login.password_clause}")
    except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):
        return  # made meanwhile by the migration of another database: roles are the server's
    except asyncpg.InsufficientPrivilegeError:
        raise MigrationFailed(
            f"the role {login.role} of {login.variable} is missing and the owner may not make it; as an administrator, "
            f"run: CREATE ROLE {login.role} {_NO_POWER}, and in psql: \\password {login.role}"
        ) from None


async def _refuse_powers(connection: Connection, login: Login, schema: str) -> None:
    row = await connection.fetchrow(_POWERS, login.user, schema)
    if row is None:
        raise MigrationFailed(f"the role {login.role} was dropped while it was given its rights; start again")
    powers = row["attributes"] or [f"the rights of {name}" for name in row["rights_of"]]
    powers += [f"rights on the schema {name} of another service" for name in row["other_schemas"]]
    if powers:
        raise MigrationFailed(
            f"the role {login.role} of {login.variable} has {', '.join(powers)}, which a service must not have: "
            "name a role there that does not exist yet, so that it is made, or take these from it"
        )
