"""The catalogue of functions, through the gateway."""

from pathlib import Path

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.disabled import DisabledCacheStore
from shared.contracts.ids import new_id

CATALOGUE = {
    "items": [
        {
            "name": "sma", "signature": "sma(x, n)", "description": "the mean", "formula": "sum / n", "unit": "as x",
            "warmup": "n - 1", "source": "TA-Lib SMA",
            "arguments": [{"name": "x", "kind": "series", "meaning": "the series", "minimum": None, "maximum": None,
                           "optional": False}],
        }
    ],
    "next_cursor": None,
}  # fmt: skip


def _services() -> FakeServices:
    services = FakeServices()
    services.handlers["indicator.list"] = lambda _, __: (CATALOGUE, {})
    return services


async def test_the_catalogue_is_answered_and_revalidated(tmp_path: Path) -> None:
    """Who is logged in gets it with a strong tag, and 304 for the tag it has; a trailing slash is the same."""
    async with client_of(_services(), DisabledCacheStore(), tmp_path) as client:
        answer = await client.get("/api/v1/indicators", headers=token_of(new_id()))
        assert (answer.status_code, answer.json()) == (200, CATALOGUE)
        assert answer.headers["cache-control"] == "private, no-cache"
        known = token_of(new_id()) | {"If-None-Match": answer.headers["etag"]}
        again = await client.get("/api/v1/indicators/", headers=known)
        assert (again.status_code, again.content) == (304, b"")


async def test_the_catalogue_is_for_who_is_logged_in_and_takes_no_query(tmp_path: Path) -> None:
    """As every route of an account: 401 without a token, 400 for a parameter that is none."""
    services = _services()
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        assert (await client.get("/api/v1/indicators")).status_code == 401
        answer = await client.get("/api/v1/indicators?family=bands", headers=token_of(new_id()))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/query/family")
    assert services.asked == []


async def test_the_catalogue_is_in_the_contract(tmp_path: Path) -> None:
    """OpenAPI names the route and what an item holds."""
    async with client_of(FakeServices(), DisabledCacheStore(), tmp_path) as client:
        document = (await client.get("/openapi.json")).json()
    assert document["paths"]["/api/v1/indicators"]["get"]["summary"].startswith("Describe every function")
    schema = next(schema for name, schema in document["components"]["schemas"].items() if name.endswith("Indicator"))
    assert set(schema["properties"]) == set(CATALOGUE["items"][0])  # type: ignore[index]  # a literal of two types
