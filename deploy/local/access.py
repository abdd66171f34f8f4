"""Who reaches which server as whom.

On an embedded server each service has an account of its own. On one of the caller's each has the URL that the caller
gives it (STRATEGY_DATABASE_URL), or else the one given to all (DATABASE_URL).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.embedded import EmbeddedServer
from deploy.local.errors import StartError
from deploy.local.services import Server, users_of

_DIRECT = "DATABASE_DIRECT_URL"
_ADDRESSES: dict[Server, tuple[str, ...]] = {
    "DATABASE_URL": ("DATABASE_URL", _DIRECT),
    "BUS_URL": ("BUS_URL",),
    "REDIS_URL": ("REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD"),
}
"""All that says where a server is and how to get in."""


@dataclass(frozen=True, slots=True)
class Access:
    """How one server is reached: by what variables each service that uses it, and `owner`, who may do everything.

    `shared` are the variables by which a deployment would give a service its own account, and did not.
    """

    server: Server
    services: Mapping[str, Mapping[str, str]]
    owner: str = ""
    shared: tuple[str, ...] = ()


def embedded(server: Server, running: EmbeddedServer) -> Access:
    """Each service under its own account."""
    services: dict[str, Mapping[str, str]] = {
        service.name: {server: running.url_of(service.name)} for service in users_of(server)
    }
    return Access(server, services, owner=running.url)


def external(server: Server, environ: Mapping[str, str]) -> Access:
    """As the caller's variables say. Raises StartError where a service would get a way past its own account."""
    given = {name: environ[name] for name in _ADDRESSES[server] if environ.get(name)}
    services: dict[str, Mapping[str, str]] = {}
    shared: list[str] = []
    for service in users_of(server):
        own = {name: environ[service.own(name)] for name in _ADDRESSES[server] if environ.get(service.own(name))}
        if server not in own:
            shared.append(service.own(server))
        elif _DIRECT in given and _DIRECT not in own:
            raise StartError(f"{service.own(server)} and {_DIRECT} are given: give {service.own(_DIRECT)} as well")
        services[service.name] = own if server in own else given
    return Access(server, services, owner=given.get(server, ""), shared=tuple(shared))


def without_addresses(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that leads to a server, whoever it was meant for."""
    names = [name for addresses in _ADDRESSES.values() for name in addresses]
    return {
        name: value for name, value in environ.items() if not any(f"_{name}".endswith(f"_{each}") for each in names)
    }


def refuse_own_urls_of_embedded(server: Server, environ: Mapping[str, str]) -> None:
    """Raise StartError when a service is given a URL of its own while the others would use the embedded server."""
    for service in users_of(server):
        if environ.get(service.own(server)):
            raise StartError(
                f"{service.own(server)} is given, but no {server}: name that server for the other services as well, "
                f"or leave {service.own(server)} out"
            )
