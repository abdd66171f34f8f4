"""What administrators may ask of the cache, and have it do."""

import httpx
import msgspec
import pytest

from services.gateway.tests.fakes import FakeServices, token_of
from shared.contracts.cache_messages import CacheDescription, CachedType, DescribeCache, PurgeCache
from shared.contracts.errors import Unavailable
from shared.contracts.values import Principal

ADMIN = token_of("1", role="admin")
DESCRIPTION = CacheDescription(
    enabled=True, connected=True, used_memory_bytes=1, total_keys=2, state={"strategy": "open", "backtest": "closed"},
    l1_hits=0, hits=3, misses=1, hit_rate=0.75,
    types=[
        CachedType(type="user", l1_hits=0, hits=3, misses=1, hit_rate=0.75, fills=1, invalidations=2,
                   bypasses={}, fills_refused={"floor": 1})
    ],
)  # fmt: skip


@pytest.fixture
def services() -> FakeServices:
    """One that describes a cache, and one that has it forget."""
    fake = FakeServices()
    fake.handlers[DescribeCache.METHOD] = lambda *_: (DESCRIPTION, {})
    fake.handlers[PurgeCache.METHOD] = lambda *_: (None, {})
    return fake


@pytest.fixture
def client(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """An administrator's."""
    client.base_url = httpx.URL("http://gateway/api/v1/admin/cache")
    client.headers.update(ADMIN)
    return client


async def test_the_cache_is_described(client: httpx.AsyncClient) -> None:
    """As the metrics service tells, who may ask the server for its figures and its state."""
    answer = await client.get("")
    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content, type=CacheDescription) == DESCRIPTION


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", PurgeCache()),
        ("/", PurgeCache()),
        ("/strategies", PurgeCache(type="strategies")),
        ("/strategy/018f-2c", PurgeCache(type="strategy", id="018f-2c")),
        ("/app/exchange:rates", PurgeCache(type="app", id="exchange:rates")),
    ],
)
async def test_what_is_to_be_forgotten_is_named(
    client: httpx.AsyncClient, services: FakeServices, path: str, message: PurgeCache
) -> None:
    """All, a type or one object; the invalidator, who has the right, is asked in the name of the administrator."""
    who: list[Principal | None] = []

    def purge(_: object, principal: Principal | None) -> tuple[object, dict[str, int]]:
        who.append(principal)
        return None, {}

    services.handlers[PurgeCache.METHOD] = purge
    answer = await client.delete(path)
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (204, b"", "no-store")
    assert services.asked == [message]
    assert [principal.role for principal in who if principal] == ["admin"]


@pytest.mark.parametrize("path", ["/Strategy", "/strategy/a%20b", "/strategy/*", "/a-b", "/strategy/" + "x" * 129])
async def test_a_name_that_is_none_is_not_found(client: httpx.AsyncClient, services: FakeServices, path: str) -> None:
    """A pattern, above all: nothing is forgotten that was not meant."""
    assert (await client.delete(path)).status_code == 404
    assert services.asked == []


async def test_a_server_that_is_away_is_told(client: httpx.AsyncClient, services: FakeServices) -> None:
    """503 with the word when to come back: not all of it may have been forgotten."""

    def away(*_: object) -> tuple[object, dict[str, int]]:
        raise Unavailable("away")

    services.handlers[PurgeCache.METHOD] = away
    answer = await client.delete("/strategies")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_both_are_documented(client: httpx.AsyncClient) -> None:
    """With what is answered, 403 among it."""
    document = (await client.get("http://gateway/openapi.json")).json()["paths"]
    described = document["/api/v1/admin/cache"]
    assert {"200", "403"} <= described["get"]["responses"].keys()
    for path in ("", "/{kind}", "/{kind}/{name}"):
        assert {"204", "403", "404", "503"} <= document[f"/api/v1/admin/cache{path}"]["delete"]["responses"].keys()
