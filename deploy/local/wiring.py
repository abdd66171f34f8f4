"""Everything's whereabouts, and the environment that each program gets of it: what it needs, and nothing besides."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.access import Access, without_addresses
from deploy.local.program import Program
from deploy.local.services import Server, Service, users_of
from deploy.local.settings import Settings

# What a service may take to finish what it has begun: less than `system.py` waits for its end.
_DRAIN_SECONDS = "1"
_SECRET_KEYS = ("SECRET_KEY", "SECRET_KEY_PREVIOUS")


@dataclass(frozen=True, slots=True)
class Wiring:
    """How each server is reached, the key that signs tokens, and the services' ports by their variables."""

    accesses: Mapping[Server, Access]
    secret_key: str
    ports: Mapping[str, int]


def service_program(service: Service, settings: Settings, wiring: Wiring) -> Program:
    """A service in the caller's environment, with the ways into the servers it uses and into no other."""
    environment = {
        **_plain(settings),
        "HOST": settings.host,
        **{variable: str(port) for variable, port in wiring.ports.items()},
        "DATA_DIR": str(settings.data_dir),
        "DRAIN_SECONDS": _DRAIN_SECONDS,
        "OBJECT_STORE_URL": settings.environ.get("OBJECT_STORE_URL") or (settings.data_dir / "objects").as_uri(),
    }
    for access in wiring.accesses.values():
        environment |= access.services.get(service.name, {})
    if service.has_secret_key:
        environment |= {name: settings.environ[name] for name in _SECRET_KEYS if name in settings.environ}
        environment["SECRET_KEY"] = wiring.secret_key
    return Program(service.name, [sys.executable, "-m", f"services.{service.name}"], environment)


def migrations_program(settings: Settings, database: Access) -> Program:
    """Brings the schemas of the services with a database up to date and makes their roles, then ends."""
    owners = users_of("DATABASE_URL")
    roles = {
        service.own("DATABASE_URL"): database.services[service.name]["DATABASE_URL"]
        for service in owners
        if service.own("DATABASE_URL") not in database.shared
    }
    return Program(
        "migrations",
        [sys.executable, "-m", "shared.runtime.migrations", *(f"services.{service.name}" for service in owners)],
        {**_plain(settings), "DATABASE_URL": database.owner, **roles},
    )


def demo_program(settings: Settings, address: str) -> Program:
    """Makes the demo on the platform at `address` as a client does, then ends."""
    command = [sys.executable, "-m", "deploy.demo", address, str(settings.demo_folder)]
    return Program("demo", command, _plain(settings))


def _plain(settings: Settings) -> dict[str, str]:
    """The caller's environment without anything that opens a door."""
    environment = without_addresses(settings.environ)
    for name in _SECRET_KEYS:
        environment.pop(name, None)
    return {**environment, "PYTHONUNBUFFERED": "1"}
