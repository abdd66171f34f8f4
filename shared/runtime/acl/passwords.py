"""The users' passwords, taken from the addresses that a deployment hands to its services."""

from collections.abc import Mapping
from dataclasses import asdict, field, make_dataclass

from redis.asyncio import ConnectionPool

from shared.runtime.acl.rights import USERS, Server
from shared.runtime.environment import SettingsError, load
from shared.runtime.settings import RedisUrl

_URL: dict[Server, str] = {"bus": "BUS_URL", "cache": "REDIS_URL"}


def variable(server: Server, user: str) -> str:
    """Return the environment variable with the address under which `user` reaches `server`."""
    return f"{user.upper()}_{_URL[server]}"


def passwords_from(environ: Mapping[str, str], server: Server) -> dict[str, str]:
    """Return the password of each user of `server` whose address is in `environ`.

    Raises SettingsError naming every address that cannot be, or that logs in as somebody else.
    """
    optional = [
        (user, RedisUrl, field(default="", repr=False, metadata={"variable": variable(server, user)}))
        for user in USERS[server]
    ]
    kind = make_dataclass("Addresses", optional)
    # As the client library reads them, which is how the services log in.
    logins = {
        user: ConnectionPool.from_url(url).connection_kwargs for user, url in asdict(load(kind, environ)).items() if url
    }
    faults = [
        f"{variable(server, user)} must log in as {user}: redis://{user}:password@host:port/database"
        for user, login in logins.items()
        if login.get("username") != user or not login.get("password")
    ]
    if faults:
        raise SettingsError(*faults)
    return {user: login["password"] for user, login in logins.items()}
