"""The launcher's environment."""

from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.settings import read_settings


def test_defaults() -> None:
    """With nothing set: port 8000 of this machine only, embedded servers, data in .data of the current folder."""
    settings = read_settings({})
    assert settings.host == "127.0.0.1"
    assert settings.ports["PORT"] == 8000
    assert {port for variable, port in settings.ports.items() if variable != "PORT"} == {0}
    assert settings.data_dir == Path.cwd() / ".data"
    assert set(settings.servers.values()) == {"embedded"}
    assert settings.demo


def test_empty_variable_counts_as_unset() -> None:
    """As compose files and CI systems pass them."""
    names = (
        "PORT",
        "HOST",
        "DATA_DIR",
        "DATABASE_URL",
        "BUS_URL",
        "REDIS_URL",
        "REDIS_ENABLED",
        "AURELIUS_ENV",
        "DEMO",
    )
    empty, unset = read_settings(dict.fromkeys(names, "")), read_settings({})
    assert (empty.ports, empty.host, empty.data_dir) == (unset.ports, unset.host, unset.data_dir)
    assert (empty.servers, empty.demo) == (unset.servers, unset.demo)


@pytest.mark.parametrize("port", ["80a", "-1", "65536", "8 0", "٣"])
def test_wrong_port(port: str) -> None:
    """The message names the variable and what it may hold."""
    with pytest.raises(StartError, match=r"METRICS_PORT=.*must be a port, 0 to 65535"):
        read_settings({"METRICS_PORT": port})


def test_one_port_for_two_services() -> None:
    """Found before anything starts, not when the second service dies."""
    with pytest.raises(StartError, match="another service was given this port as well"):
        read_settings({"STRATEGY_PORT": "8000"})


@pytest.mark.parametrize(
    ("environ", "cache"),
    [
        ({"REDIS_ENABLED": "false"}, "off"),
        ({"REDIS_ENABLED": "0", "REDIS_URL": "redis://cache"}, "off"),
        ({"REDIS_ENABLED": "TRUE"}, "embedded"),
        ({"REDIS_URL": "redis://cache"}, "external"),
        ({"REDIS_HOST": "cache"}, "external"),
    ],
)
def test_which_cache(environ: dict[str, str], cache: str) -> None:
    """The embedded cache runs unless it is switched off or another is named."""
    assert read_settings(environ).servers["REDIS_URL"] == cache


def test_own_servers() -> None:
    """Each that the caller names is used in place of the embedded one."""
    servers = read_settings({"DATABASE_URL": "postgresql://db", "BUS_URL": "redis://bus"}).servers
    assert servers == {"DATABASE_URL": "external", "BUS_URL": "external", "REDIS_URL": "embedded"}


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF"])
def test_no_demo(text: str) -> None:
    """DEMO=0, however it is written."""
    assert not read_settings({"DEMO": text}).demo
    assert read_settings({"DEMO": "1"}).demo


def test_never_a_demo_in_production() -> None:
    """Not by default, and asking for one is an error rather than a surprise."""
    production = {"AURELIUS_ENV": "production", "SECRET_KEY": "k"}
    assert not read_settings(production).demo
    assert not read_settings({**production, "DEMO": "0"}).demo
    with pytest.raises(StartError, match="DEMO=1: there is no demo with AURELIUS_ENV=production"):
        read_settings({**production, "DEMO": "1"})


def test_production_needs_a_secret_key() -> None:
    """A key that was made up on the spot would end every session at the next deployment."""
    with pytest.raises(StartError, match="SECRET_KEY"):
        read_settings({"AURELIUS_ENV": "production"})
    assert read_settings({"AURELIUS_ENV": "production", "SECRET_KEY": "k"}).secret_key == "k"


@pytest.mark.parametrize(("variable", "value"), [("AURELIUS_ENV", "prod"), ("REDIS_ENABLED", "maybe"), ("DEMO", "2")])
def test_value_outside_the_allowed_ones(variable: str, value: str) -> None:
    """The message names the variable, its value and what is allowed."""
    with pytest.raises(StartError, match=f"{variable}={value}: must be"):
        read_settings({variable: value})
