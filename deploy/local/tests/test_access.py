"""Who reaches which server as whom."""

import pytest

from deploy.local.access import embedded, external, refuse_own_urls_of_embedded
from deploy.local.errors import StartError
from deploy.local.program import Program


class Embedded:
    """A server with an account for everybody who asks."""

    url = "redis://operator"

    def url_of(self, service: str) -> str:
        """Named like the service."""
        return f"redis://{service}"

    async def prepare(self) -> None:
        """Nothing to do."""

    def program(self) -> Program:
        """Nothing to run."""
        return Program("none", ["/bin/true"])

    async def probe(self) -> str | None:
        """Always ready."""
        return None


def test_embedded_server_knows_each_service_by_its_own_account() -> None:
    """The owner's URL is for the launcher and the migrations alone."""
    access = embedded("REDIS_URL", Embedded())
    assert access.services == {
        "gateway": {"REDIS_URL": "redis://gateway"},
        "strategy": {"REDIS_URL": "redis://strategy"},
        "backtest": {"REDIS_URL": "redis://backtest"},
        "invalidator": {"REDIS_URL": "redis://invalidator"},
        "metrics": {"REDIS_URL": "redis://metrics"},
    }
    assert (access.owner, access.shared) == ("redis://operator", ())


def test_own_url_of_a_service_beats_the_one_for_all() -> None:
    """Those without one share, and are named."""
    environ = {"DATABASE_URL": "postgresql://all", "BACKTEST_DATABASE_URL": "postgresql://b", "BUS_URL": "redis://bus"}
    access = external("DATABASE_URL", environ)
    assert access.services == {
        "strategy": {"DATABASE_URL": "postgresql://all"},
        "backtest": {"DATABASE_URL": "postgresql://b"},
    }
    assert (access.owner, access.shared) == ("postgresql://all", ("STRATEGY_DATABASE_URL",))


def test_cache_of_the_caller_by_its_parts() -> None:
    """Where the caller describes the cache by REDIS_HOST, no REDIS_URL is put before it."""
    access = external("REDIS_URL", {"REDIS_HOST": "cache", "REDIS_PASSWORD": "p", "METRICS_REDIS_URL": "redis://m"})
    parts = {"REDIS_HOST": "cache", "REDIS_PASSWORD": "p"}
    by_parts = dict.fromkeys(("gateway", "strategy", "backtest", "invalidator"), parts)
    assert access.services == {**by_parts, "metrics": {"REDIS_URL": "redis://m"}}


def test_the_way_past_a_pooler_is_under_the_same_account() -> None:
    """A service with an account of its own is never handed the URL of somebody who may do more."""
    environ = {"DATABASE_URL": "postgresql://all", "DATABASE_DIRECT_URL": "postgresql://direct"}
    assert external("DATABASE_URL", environ).services["strategy"] == environ
    environ["STRATEGY_DATABASE_URL"] = "postgresql://s"
    with pytest.raises(StartError, match="give STRATEGY_DATABASE_DIRECT_URL as well"):
        external("DATABASE_URL", environ)
    environ["STRATEGY_DATABASE_DIRECT_URL"] = "postgresql://sd"
    assert external("DATABASE_URL", environ).services["strategy"] == {
        "DATABASE_URL": "postgresql://s",
        "DATABASE_DIRECT_URL": "postgresql://sd",
    }


def test_one_service_elsewhere_than_the_others_is_refused() -> None:
    """A URL for one service while the others would use the embedded server: the message says what to add."""
    with pytest.raises(StartError, match="GATEWAY_BUS_URL is given, but no BUS_URL"):
        refuse_own_urls_of_embedded("BUS_URL", {"GATEWAY_BUS_URL": "redis://bus"})
    refuse_own_urls_of_embedded("BUS_URL", {"GATEWAY_BUS_URL": ""})
