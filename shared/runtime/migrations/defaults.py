"""What a session of a service's role begins with: its schema, and an end to every transaction.

Kept by the database, so that they also hold behind a transaction pooler, which passes no start-up parameters on.
"""

import asyncpg

from shared.runtime.migrations.login import Login, quoted
from shared.runtime.migrations.session import Session
from shared.runtime.time_limits import time_limits

_PRESENT = """
SELECT unnest(setconfig) FROM pg_db_role_setting AS s
JOIN pg_database AS d ON d.oid = s.setdatabase
JOIN pg_roles AS r ON r.oid = s.setrole
WHERE datname = current_database() AND rolname = $1
"""


async def ensure_defaults(session: Session, login: Login, schema: str) -> bool:
    """Set them for the role of `login` where they are not, in a transaction of the caller's; its other settings stay.

    Returns False when the session's user may not. The role itself always may, and an owner who made the role.
    """
    connection = session.connection
    present = {row[0] for row in await connection.fetch(_PRESENT, login.user)}
    wanted = {"search_path": schema, **time_limits(connection.get_server_version().major)}
    try:
        async with connection.transaction():
            for name, value in wanted.items():
                if f"{name}={value}" not in present:
                    await connection.execute(
                        f"ALTER ROLE {login.role} IN DATABASE {quoted(session.database)} SET {name} = '{value}'"
                    )
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True
