"""What the gateway's own cache is given when the process is composed."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.app import compose
from services.gateway.edge import Edge
from services.gateway.hit_path import HitPath
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET
from shared.cache.local import LocalCache
from shared.cache.record import Entry
from shared.contracts.ids import new_id
from shared.contracts.objects import strategies_object, strategy_object, user_object, users_object


def own_cache(folder: Path, **settings: Any) -> LocalCache:
    """The one of a process with these settings, as if its feed was heard."""
    edge = compose(GatewaySettings(secret_key=SECRET, data_dir=folder, **settings)).http
    assert isinstance(edge, Edge)
    assert isinstance(edge._short, HitPath)
    local = edge._short._local
    local.opened()
    return local


def keeps(local: LocalCache, obj: str) -> bool:
    """Whether an answer about the object is kept."""
    flight = local.begin(obj)
    try:
        return local.keep(flight, "doc", Entry(1, '"1"', "owner", b"{}"), 1.0, 1.0) is not None
    finally:
        local.end(flight)


def test_who_may_do_what_is_in_no_processs_own_cache(tmp_path: Path) -> None:
    """Accounts, with their roles, and results of gates are asked for where they are never old; the rest is kept."""
    local = own_cache(tmp_path)
    one = new_id()
    for obj in (user_object(one), users_object(), f"gate:{one}", f"gates:{one}"):
        assert not keeps(local, obj)
    for obj in (strategy_object(one), strategies_object(one)):
        assert keeps(local, obj)


@pytest.mark.parametrize(
    "settings", [{"cache_policy": "strict"}, {"redis_enabled": False}, {"cache_l1_bytes": 0}], ids=str
)
def test_it_holds_nothing_where_nothing_tells_it_of_changes(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Without a cache server there is no feed; under a strict policy even the lease would be too long."""
    assert not keeps(own_cache(tmp_path, **settings), strategy_object(new_id()))


@pytest.mark.parametrize(("enabled", "status"), [(True, 503), (False, 404)])
async def test_metrics_are_asked_for_only_where_they_are_measured(
    tmp_path: Path, *, enabled: bool, status: int
) -> None:
    """Of a process without a bus one that measures says so of the bus, one that does not says that it does not."""
    settings = GatewaySettings(secret_key=SECRET, data_dir=tmp_path, metrics_enabled=enabled)
    transport = httpx.ASGITransport(app=compose(settings).http)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/metrics")).status_code == status
