"""Cached reads: what is served from where, to whom, and how fresh."""

import asyncio
from pathlib import Path

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.tokens import encode
from shared.contracts.errors import NotFound
from shared.contracts.ids import new_id
from shared.contracts.messages import ReadStrategy
from shared.contracts.objects import strategies_object, strategy_object
from shared.contracts.values import Principal

ALICE, BOB = new_id(), new_id()
STRATEGY = new_id()
PATH = f"/api/v1/strategies/{STRATEGY}"


class Store:
    """One strategy of Alice's, as the strategy service holds it."""

    def __init__(self) -> None:
        self.version = 1

    def read(self, message: ReadStrategy, principal: Principal | None) -> tuple[object, dict[str, int]]:
        """Answer with the current revision to its owner only."""
        if principal is None or principal.user_id != ALICE or message.id != STRATEGY:
            raise NotFound("There is no such strategy")
        return {"id": message.id, "revision": self.version}, {strategy_object(message.id): self.version}

    def page(self, _: object, principal: Principal | None) -> tuple[object, dict[str, int]]:
        """Answer with a page that has a next one."""
        assert principal is not None
        return {"items": [], "next_cursor": "abc"}, {strategies_object(principal.user_id): self.version}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def services(store: Store) -> FakeServices:
    fake = FakeServices()
    fake.handlers["strategy.read"] = store.read
    fake.handlers["strategy.list"] = store.page
    return fake


async def test_the_second_read_is_a_hit(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A read fills the cache and the next one never reaches the service, with the same bytes and tag."""
    first = await client.get(PATH, headers=token_of(ALICE))
    second = await client.get(PATH, headers=token_of(ALICE))
    assert first.headers["cache-status"] == "aurelius-l2; fwd=uri-miss"
    assert second.headers["cache-status"] == "aurelius-l2; hit"
    assert (first.content, first.headers["etag"]) == (second.content, second.headers["etag"])
    assert len(services.asked) == 1


async def test_a_hit_is_its_owners_alone(client: httpx.AsyncClient) -> None:
    """What is cached for its owner is 404 for everybody else, as it is without a cache."""
    assert (await client.get(PATH, headers=token_of(ALICE))).status_code == 200
    assert (await client.get(PATH, headers=token_of(BOB))).status_code == 404


async def test_a_strangers_404_is_not_kept(client: httpx.AsyncClient) -> None:
    """A stranger's failed read leaves nothing that its owner could be served."""
    assert (await client.get(PATH, headers=token_of(BOB))).status_code == 404
    assert (await client.get(PATH, headers=token_of(ALICE))).status_code == 200


async def test_that_something_was_deleted_is_cached(
    client: httpx.AsyncClient, services: FakeServices, cache: FakeCacheStore, store: Store
) -> None:
    """The service is asked once; everybody is told, its former owner with the same words, until it is there again."""
    obj = strategy_object(STRATEGY)

    def gone(_: object, __: object) -> tuple[object, dict[str, int]]:
        raise NotFound("There is no strategy", versions={obj: 2})

    there, services.handlers["strategy.read"] = services.handlers["strategy.read"], gone
    answers = [await client.get(PATH, headers=token_of(user)) for user in (ALICE, ALICE, BOB)]
    assert len(services.asked) == 1
    assert [(each.status_code, each.json()["detail"]) for each in answers] == [(404, "There is no strategy")] * 3
    assert {each.headers["content-type"] for each in answers} == {"application/problem+json"}
    assert len({each.json()["request_id"] for each in answers}) == 3
    services.handlers["strategy.read"], store.version = there, 3
    await cache.invalidate({obj: 3})
    assert (await client.get(PATH, headers=token_of(BOB))).status_code == 404
    assert (await client.get(PATH, headers=token_of(ALICE))).json()["revision"] == 3
    assert len(services.asked) == 3


async def test_a_token_goes_past_an_older_entry(client: httpx.AsyncClient, store: Store) -> None:
    """With its write's token a client never sees what was cached before the write."""
    await client.get(PATH, headers=token_of(ALICE))
    store.version = 2
    stale = await client.get(PATH, headers=token_of(ALICE))
    token = {"Consistency-Token": encode({strategy_object(STRATEGY): 2})}
    fresh = await client.get(PATH, headers=token_of(ALICE) | token)
    assert stale.json()["revision"] == 1
    assert fresh.json()["revision"] == 2


async def test_no_cache_goes_past_every_cache(client: httpx.AsyncClient, store: Store) -> None:
    """`Cache-Control: no-cache` asks the service whatever is cached, in any case and company."""
    await client.get(PATH, headers=token_of(ALICE))
    store.version = 2
    answer = await client.get(PATH, headers=token_of(ALICE) | {"Cache-Control": "max-age=0, No-Cache"})
    assert answer.headers["cache-status"] == "aurelius-l2; fwd=bypass"
    assert answer.json()["revision"] == 2


async def test_an_unreadable_token_is_refused(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A token that is none is 400 before anything is asked, rather than a read that may be stale."""
    answer = await client.get(PATH, headers=token_of(ALICE) | {"Consistency-Token": "%%%"})
    assert answer.status_code == 400
    assert services.asked == []


async def test_not_modified(client: httpx.AsyncClient) -> None:
    """A client that has the current bytes gets 304 without them, on a hit as on a miss."""
    tag = (await client.get(PATH, headers=token_of(ALICE))).headers["etag"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f"W/{tag}", "Cache-Control": "no-cache"}):
        answer = await client.get(PATH, headers=token_of(ALICE) | headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in answer.headers


async def test_head_has_the_headers_of_get(client: httpx.AsyncClient) -> None:
    """HEAD answers as GET does, without the body."""
    get = await client.get(PATH, headers=token_of(ALICE))
    head = await client.head(PATH, headers=token_of(ALICE))
    assert head.content == b""
    assert head.headers["etag"] == get.headers["etag"]
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_a_lost_cache_costs_speed_only(client: httpx.AsyncClient, cache: FakeCacheStore) -> None:
    """With the cache server gone reads are answered by the service and say so."""
    cache.reachable = False
    answer = await client.get(PATH, headers=token_of(ALICE))
    assert (answer.status_code, answer.headers["cache-status"]) == (200, "aurelius-l2; fwd=bypass")


async def test_equal_reads_share_one_while_the_cache_is_away(
    client: httpx.AsyncClient, cache: FakeCacheStore, services: FakeServices
) -> None:
    """Of one session and nobody else's: what a stranger is refused is his alone, though he has asked first."""
    cache.reachable = False
    others = [token_of(BOB), token_of(ALICE, role="admin")]
    answers = await asyncio.gather(*(client.get(PATH, headers=who) for who in [*others, *[token_of(ALICE)] * 20]))
    assert [answer.status_code for answer in answers] == [404] + [200] * 21
    assert len(services.asked) == 3


async def test_a_disabled_cache_answers_too(services: FakeServices, tmp_path: Path) -> None:
    """REDIS_ENABLED=false changes nothing but the speed."""
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        for _ in range(2):
            answer = await client.get(PATH, headers=token_of(ALICE))
            assert (answer.status_code, answer.headers["cache-status"]) == (200, "aurelius-l2; fwd=bypass")


async def test_every_page_is_an_entry_of_its_own(client: httpx.AsyncClient, services: FakeServices) -> None:
    """Another limit, filter or owner never answers with this one's page; the next page is linked."""
    first = await client.get("/api/v1/strategies?limit=5&q=a%26b", headers=token_of(ALICE))
    assert first.headers["link"] == '</api/v1/strategies?limit=5&q=a%26b&cursor=abc>; rel="next"'
    for query, user in (("?limit=6", ALICE), ("?limit=5&q=c", ALICE), ("?limit=5&q=a%26b", BOB)):
        answer = await client.get(f"/api/v1/strategies{query}", headers=token_of(user))
        assert answer.headers["cache-status"] == "aurelius-l2; fwd=uri-miss"
    again = await client.get("/api/v1/strategies?q=a%26b&limit=5", headers=token_of(ALICE))
    assert again.headers["cache-status"] == "aurelius-l2; hit"
    assert len(services.asked) == 4


async def test_a_malformed_id_is_not_found(client: httpx.AsyncClient, services: FakeServices) -> None:
    """An id that is none is 404 without a question to anybody."""
    assert (await client.get("/api/v1/strategies/not-an-id", headers=token_of(ALICE))).status_code == 404
    assert services.asked == []
