"""The five services, and the environment each is given."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.program import Program
from deploy.local.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """A service, started as `python -m services.<name>`."""

    name: str
    port_variable: str
    has_database: bool


GATEWAY = Service("gateway", "PORT", has_database=False)
INNER_SERVICES = (
    Service("strategy", "STRATEGY_PORT", has_database=True),
    Service("backtest", "BACKTEST_PORT", has_database=True),
    Service("invalidator", "INVALIDATOR_PORT", has_database=False),
    Service("metrics", "METRICS_PORT", has_database=False),
)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where everything turned out to be. A `redis_url` of None leaves the cache to the caller's own variables."""

    database_url: str
    bus_url: str
    redis_url: str | None
    secret_key: str
    ports: Mapping[str, int]


def service_program(service: Service, settings: Settings, wiring: Wiring) -> Program:
    """The caller's environment with the wiring in it, except that who has no database gets no way into one."""
    environment = {
        **settings.environ,
        "HOST": settings.host,
        **{variable: str(port) for variable, port in wiring.ports.items()},
        "DATA_DIR": str(settings.data_dir),
        "OBJECT_STORE_URL": settings.environ.get("OBJECT_STORE_URL") or (settings.data_dir / "objects").as_uri(),
        "SECRET_KEY": wiring.secret_key,
        "BUS_URL": wiring.bus_url,
        "DATABASE_URL": wiring.database_url,
        "PYTHONUNBUFFERED": "1",
    }
    if wiring.redis_url is not None:
        environment["REDIS_URL"] = wiring.redis_url
    if not service.has_database:
        environment.pop("DATABASE_URL")
        environment.pop("DATABASE_DIRECT_URL", None)
    return Program(service.name, [sys.executable, "-m", f"services.{service.name}"], environment)


def migrations_program(settings: Settings, database_url: str) -> Program:
    """Brings the schemas of the services with a database up to date, then ends."""
    owners = [f"services.{service.name}" for service in INNER_SERVICES if service.has_database]
    return Program(
        "migrations",
        [sys.executable, "-m", "shared.runtime.migrations", *owners],
        {**settings.environ, "DATABASE_URL": database_url, "PYTHONUNBUFFERED": "1"},
    )
