"""What each service is given."""

from pathlib import Path

import pytest

from deploy.local.services import GATEWAY, INNER_SERVICES, Service, Wiring, migrations_program, service_program
from deploy.local.settings import read_settings

WIRING = Wiring(
    database_url="postgresql://found",
    bus_url="redis://bus",
    redis_url="redis://cache",
    secret_key="k",
    ports={"PORT": 8000, "STRATEGY_PORT": 20001},
)


def environment(service: Service, environ: dict[str, str] | None = None, wiring: Wiring = WIRING) -> dict[str, str]:
    return dict(service_program(service, read_settings(environ or {}), wiring).environment)


@pytest.mark.parametrize("service", [GATEWAY, *INNER_SERVICES], ids=lambda service: service.name)
def test_only_owners_of_a_schema_get_the_database(service: Service) -> None:
    """The process that faces the internet, and those without a schema, hold no database credentials."""
    given = environment(service, {"DATABASE_URL": "postgresql://given", "DATABASE_DIRECT_URL": "postgresql://direct"})
    owners = {"strategy", "backtest"}
    assert ("DATABASE_URL" in given) == ("DATABASE_DIRECT_URL" in given) == (service.name in owners)


def test_wiring_and_the_callers_own_variables() -> None:
    """Everything of the caller's reaches the service, with the addresses that were found."""
    given = environment(INNER_SERVICES[0], {"CACHE_TTL_USER": "7", "DATA_DIR": "/somewhere/a b"})
    expected = {
        "CACHE_TTL_USER": "7",
        "DATA_DIR": "/somewhere/a b",
        "OBJECT_STORE_URL": "file:///somewhere/a%20b/objects",
        "DATABASE_URL": "postgresql://found",
        "BUS_URL": "redis://bus",
        "REDIS_URL": "redis://cache",
        "SECRET_KEY": "k",
        "HOST": "127.0.0.1",
        "PORT": "8000",
        "STRATEGY_PORT": "20001",
    }
    assert given.items() >= expected.items()


def test_object_store_of_the_caller() -> None:
    """A bucket the caller names is not replaced."""
    assert environment(GATEWAY, {"OBJECT_STORE_URL": "s3://bucket"})["OBJECT_STORE_URL"] == "s3://bucket"


def test_cache_of_the_caller() -> None:
    """Where the caller describes the cache by REDIS_HOST, no REDIS_URL is put before it."""
    wiring = Wiring("postgresql://found", "redis://bus", None, "k", {})
    assert "REDIS_URL" not in environment(GATEWAY, {"REDIS_HOST": "cache"}, wiring)


def test_services_run_from_the_tree() -> None:
    """By module name: the launcher imports none."""
    program = service_program(GATEWAY, read_settings({}), WIRING)
    assert list(program.command[1:]) == ["-m", "services.gateway"]


def test_migrations_are_those_of_the_owners() -> None:
    """Each service with a database has its schema brought up to date."""
    program = migrations_program(read_settings({}), "postgresql://found")
    assert list(program.command[1:]) == ["-m", "shared.runtime.migrations", "services.strategy", "services.backtest"]
    assert program.environment["DATABASE_URL"] == "postgresql://found"
    assert Path(program.command[0]).is_absolute()
