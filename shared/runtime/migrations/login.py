"""How a service logs in: the user and password in its `<SERVICE>_DATABASE_URL`, tried, and set where they are not."""

import logging
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from shared.runtime.migrations.scram import verifier
from shared.runtime.migrations.sentences import MigrationFailed, one_line, require_url
from shared.runtime.migrations.session import REFUSED, Connection, Session, connect

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """What the variable holds. `password` is empty where the server asks for none."""

    variable: str
    url: str = field(repr=False)
    user: str
    password: str = field(repr=False)

    @property
    def role(self) -> str:
        """The user, quoted for SQL."""
        return quoted(self.user)

    @property
    def password_clause(self) -> str:
        """`PASSWORD '...'` for CREATE ROLE and ALTER ROLE; without a password nothing."""
        return f"PASSWORD '{verifier(self.password)}'" if self.password else ""


def quoted(name: str) -> str:
    """Return `name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def read_login(variable: str, url: str) -> Login:
    """Take user and password from `url` as asyncpg does. Raises MigrationFailed for a URL without a user.

    A database's own default, the account of this machine, would be another one in each container.
    """
    require_url(variable, url)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    account, at, _ = parts.netloc.partition("@")
    user, _, password = account.partition(":") if at else ("", "", "")
    user, password = unquote(user) or query.get("user", ""), unquote(password) or query.get("password", "")
    if not user:
        raise MigrationFailed(f"{variable} names no user: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return Login(variable, url, user, password)


async def log_in(owner: Session, login: Login) -> Connection:
    """Connect as the service does, and set the role's password before if it is another.

    Raises MigrationFailed when there is no way in.
    """
    try:
        return await connect(login.variable, login.url)
    except REFUSED as error:
        if not login.password:
            raise MigrationFailed(
                f"{login.variable} has no password, and the server refuses {login.role} without: {one_line(error)}"
            ) from None
    await _set_password(owner, login)
    try:
        return await connect(login.variable, login.url)
    except REFUSED as error:
        raise MigrationFailed(
            f"the server refuses {login.role} with the password of {login.variable}, which was just set: "
            f"{one_line(error)}. Look at its pg_hba.conf, and whether the role may LOGIN and is still VALID"
        ) from None


async def _set_password(owner: Session, login: Login) -> None:
    try:
        await owner.connection.execute(f"ALTER ROLE {login.role} {login.password_clause}")
    except asyncpg.InsufficientPrivilegeError:
        raise MigrationFailed(
            f"the password in {login.variable} is not that of the role {login.role}, and the owner may not set it: "
            f"correct it there, or as an administrator in psql: \\password {login.role}"
        ) from None
    except asyncpg.InternalServerError as error:
        # Another did it at the same moment: the migration of another database, on the server that has the role.
        log.info("%s: %s", login.variable, error)
