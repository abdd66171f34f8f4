"""The versions of a strategy at the edge of the HTTP contract."""

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, token_of
from shared.cache.fake import FakeCacheStore
from shared.contracts.errors import NotFound
from shared.contracts.ids import new_id
from shared.contracts.messages import ListStrategyVersions, ReadStrategyVersion
from shared.contracts.objects import strategy_object
from shared.contracts.values import Principal

ALICE, BOB, STRATEGY = (new_id() for _ in range(3))
PATH = f"/api/v1/strategies/{STRATEGY}/versions"


@pytest.fixture
def services() -> FakeServices:
    """A strategy service with one strategy, Alice's, at its object version 3."""
    fake = FakeServices()

    def page(_: object, principal: Principal | None) -> tuple[object, dict[str, int]]:
        refuse_strangers(principal)
        return {"items": [], "next_cursor": "abc"}, {strategy_object(STRATEGY): 3}

    def one(message: ReadStrategyVersion, principal: Principal | None) -> tuple[object, dict[str, int]]:
        refuse_strangers(principal)
        return {"version": message.version}, {strategy_object(STRATEGY): 3}

    fake.handlers[ListStrategyVersions.METHOD] = page
    fake.handlers[ReadStrategyVersion.METHOD] = one
    return fake


def refuse_strangers(principal: Principal | None) -> None:
    """Raise NotFound, as the service does."""
    if principal is None or principal.user_id != ALICE:
        raise NotFound("There is no strategy")


async def test_versions_are_cached_under_their_strategy(
    client: httpx.AsyncClient, services: FakeServices, cache: FakeCacheStore
) -> None:
    """Each page and each version is an entry; a change of the strategy is one of them all; others' are not found."""
    paths = [f"{PATH}?limit=2", PATH, f"{PATH}/1", f"{PATH}/12"]
    for status in ("fwd=uri-miss", "hit"):
        for path in paths:
            answer = await client.get(path, headers=token_of(ALICE))
            assert answer.headers["cache-status"] == f"aurelius-l2; {status}", path
    assert services.asked == [
        ListStrategyVersions(id=STRATEGY, limit=2), ListStrategyVersions(id=STRATEGY),
        ReadStrategyVersion(id=STRATEGY, version=1), ReadStrategyVersion(id=STRATEGY, version=12),
    ]  # fmt: skip
    assert (await client.get(paths[0], headers=token_of(ALICE))).headers["link"] == (
        f'<{PATH}?limit=2&cursor=abc>; rel="next"'
    )
    assert [(await client.get(path, headers=token_of(BOB))).status_code for path in paths] == [404] * 4
    await cache.invalidate({strategy_object(STRATEGY): 4})
    for path in paths:
        assert (await client.get(path, headers=token_of(ALICE))).headers["cache-status"] == "aurelius-l2; fwd=uri-miss"


@pytest.mark.parametrize("number", ["0", "-1", "01", "+1", "1.0", "x", "%31%00", "99999999999", "\u0661"])
async def test_what_is_no_number_of_a_version_is_not_found(
    client: httpx.AsyncClient, services: FakeServices, number: str
) -> None:
    """Each number has one spelling, as each has one entry; and nothing is asked that no column could hold."""
    assert (await client.get(f"{PATH}/{number}", headers=token_of(ALICE))).status_code == 404
    assert services.asked == []


async def test_a_malformed_strategy_is_not_found(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Without a question to anybody; a query that means nothing is named."""
    for path in ("/api/v1/strategies/x/versions", "/api/v1/strategies/x/versions/1"):
        assert (await client.get(path, headers=token_of(ALICE))).status_code == 404
    for query in ("limit=0", "limit=201", "sort=version"):
        assert (await client.get(f"{PATH}?{query}", headers=token_of(ALICE))).status_code == 400
    assert services.asked == []
