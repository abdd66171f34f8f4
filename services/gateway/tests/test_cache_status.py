"""Every answer of a cached read says where it came from, whatever it is, and no more than its reader may know."""

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.cache.local import LocalCache
from shared.contracts.errors import Conflict, Forbidden, NotFound, ServiceError, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import ReadStrategy
from shared.contracts.objects import strategy_object
from shared.contracts.values import Principal

ALICE, BOB = new_id(), new_id()
KEPT, DELETED, NOBODYS, BOBS, FORBIDDEN, HALTED, AWAY = (new_id() for _ in range(7))
REFUSALS: Final[Mapping[str, ServiceError]] = {
    DELETED: NotFound("There is no strategy", versions={strategy_object(DELETED): 2}),
    NOBODYS: NotFound("There is no strategy"),
    FORBIDDEN: Forbidden("Not for you"),
    HALTED: Conflict("Not in this state"),
    AWAY: Unavailable("Somebody is away"),
}
FAR = 1e12

MISS, BYPASS = "aurelius-l2; fwd=uri-miss", "aurelius-l2; fwd=bypass"
FROM_CACHE = {"miss": MISS, "l1": "aurelius-l1; hit", "l2": "aurelius-l2; hit", "no-cache": BYPASS, "away": BYPASS}
FROM_SERVICE = {"miss": MISS, "l1": MISS, "l2": MISS, "no-cache": BYPASS, "away": BYPASS}
INSTEAD = {way: f"{said}; fwd-status=200" if "fwd" in said else said for way, said in FROM_CACHE.items()}

OTHER = {"If-Match": '"other"'}
SAME = {"If-None-Match": "*"}
# No date is compared with a Last-Modified that there is not, and no part of an answer is ever sent.
UNHEARD = {
    **dict.fromkeys(("If-Unmodified-Since", "If-Modified-Since", "If-Range"), "Sun, 29 Nov 2026 18:00:00 GMT"),
    "Range": "bytes=0-1",
}

TABLE = [
    (KEPT, "GET", {}, 200, FROM_CACHE),
    (KEPT, "HEAD", {}, 200, FROM_CACHE),
    (KEPT, "GET", UNHEARD, 200, FROM_CACHE),
    (KEPT, "GET", {"If-Match": "*"}, 200, FROM_CACHE),
    (KEPT, "GET", SAME, 304, INSTEAD),
    (KEPT, "HEAD", SAME, 304, INSTEAD),
    (KEPT, "GET", SAME | {"If-Match": "*"}, 304, INSTEAD),
    (KEPT, "GET", OTHER, 412, INSTEAD),
    (KEPT, "HEAD", OTHER, 412, INSTEAD),
    (KEPT, "GET", OTHER | SAME, 412, INSTEAD),
    (DELETED, "GET", {}, 404, FROM_CACHE),
    (DELETED, "HEAD", {}, 404, FROM_CACHE),
    # Conditions are of what would be answered with success (RFC 9110, section 13.2.1).
    (DELETED, "GET", OTHER | SAME, 404, FROM_CACHE),
    (NOBODYS, "GET", {}, 404, FROM_SERVICE),
    (BOBS, "GET", {}, 404, FROM_SERVICE),
    (BOBS, "GET", OTHER, 404, FROM_SERVICE),
    (FORBIDDEN, "GET", {}, 403, FROM_SERVICE),
    (HALTED, "GET", {}, 409, FROM_SERVICE),
    (AWAY, "GET", {}, 503, FROM_SERVICE),
]


def read(message: ReadStrategy, principal: Principal | None) -> tuple[object, dict[str, int]]:
    """Answer to its owner, and refuse as it comes."""
    if message.id in REFUSALS:
        raise REFUSALS[message.id]
    if principal is None or principal.user_id != (BOB if message.id == BOBS else ALICE):
        raise NotFound("There is no strategy")
    return {"id": message.id, "revision": 1}, {strategy_object(message.id): 1}


@pytest.fixture
def local() -> LocalCache:
    """One whose feed is heard."""
    local = LocalCache(1 << 20)
    local.opened()
    return local


@pytest.fixture
async def client(cache: FakeCacheStore, local: LocalCache, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    services = FakeServices()
    services.handlers[ReadStrategy.METHOD] = read
    async with client_of(services, cache, tmp_path, local=local) as lent:
        yield lent


async def every_way(
    client: httpx.AsyncClient,
    cache: FakeCacheStore,
    local: LocalCache,
    which: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> dict[str, httpx.Response]:
    """What Alice is answered in each way, when Bob has read what is his."""
    await client.get(f"/api/v1/strategies/{BOBS}", headers=token_of(BOB))
    answers = {}
    for way in FROM_CACHE:
        local.fresh_until = FAR if way in {"miss", "l1"} else 0.0
        cache.reachable = way != "away"
        asked = {**(headers or {}), **({"Cache-Control": "no-cache"} if way == "no-cache" else {})}
        answers[way] = await client.request(method, f"/api/v1/strategies/{which}", headers=token_of(ALICE) | asked)
    return answers


@pytest.mark.parametrize(("which", "method", "headers", "status", "said"), TABLE)
async def test_every_answer_says_where_it_came_from(
    client: httpx.AsyncClient,
    cache: FakeCacheStore,
    local: LocalCache,
    which: str,
    method: str,
    headers: dict[str, str],
    status: int,
    said: dict[str, str],
) -> None:
    """As RFC 9211 has it: where it was forwarded, and answered with another status than is sent, with that as well."""
    answers = await every_way(client, cache, local, which, method, headers)
    assert {way: answer.status_code for way, answer in answers.items()} == dict.fromkeys(said, status)
    assert {way: answer.headers.get("cache-status") for way, answer in answers.items()} == said


async def test_what_is_anothers_cannot_be_told_from_what_nobody_has(
    client: httpx.AsyncClient, cache: FakeCacheStore, local: LocalCache
) -> None:
    """Though it lies in both caches: the same words, from the same place, with the same stages on the way."""

    def told(answer: httpx.Response) -> tuple[list[str], str, str, dict[str, str]]:
        stages = re.sub(r"[\d.]+", "", answer.headers["server-timing"])
        problem = {name: value for name, value in answer.json().items() if name not in {"request_id", "instance"}}
        return sorted(answer.headers), answer.headers["cache-status"], stages, problem

    anothers = await every_way(client, cache, local, BOBS)
    nobodys = await every_way(client, cache, local, NOBODYS)
    for way, answer in anothers.items():
        assert told(answer) == told(nobodys[way]), way


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("not-an-id", {}, 404), (KEPT, {"Consistency-Token": "%%%"}, 400), (KEPT, {"Authorization": ""}, 401)],
)
async def test_what_is_refused_without_a_look_says_nothing_of_a_cache(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    """No cache was asked."""
    answer = await client.get(f"/api/v1/strategies/{path}", headers=token_of(ALICE) | headers)
    assert answer.status_code == status
    assert "cache-status" not in answer.headers


async def test_tags_in_two_headers_count_as_in_one(client: httpx.AsyncClient) -> None:
    """RFC 9110, section 5.3: whoever is on the way may have put them so."""
    path = f"/api/v1/strategies/{KEPT}"
    tag = (await client.get(path, headers=token_of(ALICE))).headers["etag"]
    for name, status in (("If-Match", 200), ("If-None-Match", 304)):
        for tags in ((tag, '"other"'), ('"other"', tag)):
            headers = [*token_of(ALICE).items(), *((name, each) for each in tags)]
            assert (await client.get(path, headers=headers)).status_code == status, (name, tags)
