"""What each program is given of the ways into the servers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local import system
from deploy.local.access import Access
from deploy.local.services import GATEWAY, INNER_SERVICES, SERVICES, Server, Service, users_of
from deploy.local.settings import read_settings
from deploy.local.wiring import Wiring, demo_program, migrations_program, service_program

STRATEGY = INNER_SERVICES[0]
# Everything that could open a door, under every name that anybody uses for it.
DOORS = {
    **{name: f"given-{name}" for name in ("DATABASE_URL", "DATABASE_DIRECT_URL", "BUS_URL", "REDIS_URL")},
    **{name: f"given-{name}" for name in ("REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD")},
    **{name: f"given-{name}" for name in ("STRATEGY_DATABASE_URL", "BACKTEST_DATABASE_URL", "METRICS_REDIS_URL")},
    **{name: f"given-{name}" for name in ("GATEWAY_BUS_URL", "OPERATOR_BUS_URL", "CONSUMER_BUS_URL")},
    **{name: f"given-{name}" for name in ("SECRET_KEY", "SECRET_KEY_PREVIOUS", "STRATEGY_DATABASE_DIRECT_URL")},
}


def access(server: Server) -> Access:
    """Each service under its own account."""
    own: dict[str, Mapping[str, str]] = {each.name: {server: f"{server}-of-{each.name}"} for each in users_of(server)}
    return Access(server, own, owner=f"{server}-of-owner")


WIRING = Wiring(
    accesses={server: access(server) for server in ("DATABASE_URL", "BUS_URL", "REDIS_URL")},
    secret_key="k",
    ports={"PORT": 8000, "STRATEGY_PORT": 20001},
)


def environment(service: Service, environ: dict[str, str] | None = None, wiring: Wiring = WIRING) -> dict[str, str]:
    return dict(service_program(service, read_settings(environ or {}), wiring).environment)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_gets_its_own_ways_and_no_other(service: Service) -> None:
    """Of all that leads into a server it sees the URLs of its own accounts; the caller's are for those who own them."""
    given = environment(service, DOORS)
    doors = {name: value for name, value in given.items() if "-of-" in value or value.startswith("given-")}
    own = {server: f"{server}-of-{service.name}" for server in service.servers}
    assert doors == own | ({"SECRET_KEY_PREVIOUS": "given-SECRET_KEY_PREVIOUS"} if service.has_secret_key else {})


def test_who_reaches_what() -> None:
    """No database for the process that faces the internet, and no signing key for who does not use it."""
    assert {each.name for each in users_of("DATABASE_URL")} == {"strategy", "backtest"}
    assert {each.name for each in users_of("REDIS_URL")} == {each.name for each in SERVICES}
    assert {each.name for each in SERVICES if "SECRET_KEY" in environment(each)} == {"gateway", "strategy"}


def test_wiring_and_the_callers_own_variables() -> None:
    """Everything else of the caller's reaches the service, with the addresses that were found."""
    given = environment(STRATEGY, {"CACHE_TTL_USER": "7", "DATA_DIR": "/somewhere/a b"})
    expected = {
        "CACHE_TTL_USER": "7",
        "DATA_DIR": "/somewhere/a b",
        "OBJECT_STORE_URL": "file:///somewhere/a%20b/objects",
        "DATABASE_URL": "DATABASE_URL-of-strategy",
        "BUS_URL": "BUS_URL-of-strategy",
        "SECRET_KEY": "k",
        "HOST": "127.0.0.1",
        "PORT": "8000",
        "STRATEGY_PORT": "20001",
    }
    assert given.items() >= expected.items()


def test_a_service_is_done_before_the_launcher_loses_patience() -> None:
    """What it is told to finish within is less than the launcher waits: nothing is cut off that could be done."""
    for service, grace in ((GATEWAY, system._GATEWAY_GRACE), (STRATEGY, system._SERVICE_GRACE)):
        assert float(environment(service, {"DRAIN_SECONDS": "60"})["DRAIN_SECONDS"]) < grace


def test_object_store_of_the_caller() -> None:
    """A bucket the caller names is not replaced."""
    assert environment(GATEWAY, {"OBJECT_STORE_URL": "s3://bucket"})["OBJECT_STORE_URL"] == "s3://bucket"


def test_services_run_from_the_tree() -> None:
    """By module name: the launcher imports none."""
    program = service_program(GATEWAY, read_settings({}), WIRING)
    assert list(program.command[1:]) == ["-m", "services.gateway"]


def test_migrations_are_the_owners_and_make_the_roles() -> None:
    """Each service with a database has its schema brought up to date, and its role made as its URL names it."""
    program = migrations_program(read_settings(DOORS), WIRING.accesses["DATABASE_URL"])
    assert list(program.command[1:]) == ["-m", "shared.runtime.migrations", "services.strategy", "services.backtest"]
    assert {name: value for name, value in program.environment.items() if "-of-" in value} == {
        "DATABASE_URL": "DATABASE_URL-of-owner",
        "STRATEGY_DATABASE_URL": "DATABASE_URL-of-strategy",
        "BACKTEST_DATABASE_URL": "DATABASE_URL-of-backtest",
    }
    assert Path(program.command[0]).is_absolute()


def test_services_that_share_an_account_get_no_role() -> None:
    """A role is made only for who has a URL of its own."""
    shared = {"DATABASE_URL": "postgresql://owner"}
    both = Access(
        "DATABASE_URL",
        {"strategy": shared, "backtest": {"DATABASE_URL": "postgresql://b"}},
        owner="postgresql://owner",
        shared=("STRATEGY_DATABASE_URL",),
    )
    environment = migrations_program(read_settings({}), both).environment
    assert environment["BACKTEST_DATABASE_URL"] == "postgresql://b"
    assert "STRATEGY_DATABASE_URL" not in environment


def test_the_demo_is_made_by_a_client_like_any_other() -> None:
    """It knows the address of the API and its folder, and no way around them."""
    program = demo_program(read_settings({**DOORS, "DATA_DIR": "/data"}), "http://127.0.0.1:8000")
    assert list(program.command[1:]) == ["-m", "deploy.demo", "http://127.0.0.1:8000", "/data/demo"]
    assert not [value for value in program.environment.values() if value.startswith("given-")]
