"""The short way to a cached answer: it cannot be told from the long one, and is taken only where it may be."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from services.gateway import auth, hit_path
from services.gateway.auth import Authenticator
from services.gateway.core.codings import CODINGS, compress
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET, FakeServices, Handler, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.cache.local import LocalCache
from shared.cache.record import Entry
from shared.cache.results import Miss
from shared.cache.tokens import encode
from shared.contracts import objects
from shared.contracts.errors import NotFound
from shared.contracts.ids import new_id
from shared.contracts.values import Principal
from shared.runtime.timings import Timings

ALICE, BOB = new_id(), new_id()
ID = new_id()
PATH = f"/api/v1/strategies/{ID}"
FAR = 1e12
FAR_AHEAD = 3_999_999_999
OF_ONE_ANSWER = {"cache-status", "x-request-id", "traceparent", "x-process-time", "server-timing"}

# Every cached route, with the object it is about: the table of docs/cache.md.
ROUTES = {
    f"/api/v1/strategies/{ID}": objects.strategy_object(ID),
    "/api/v1/strategies?limit=5&q=a%26b": objects.strategies_object(ALICE),
    f"/api/v1/backtests/{ID}": objects.backtest_object(ID),
    "/api/v1/backtests?sort=-created_at": objects.backtests_object(ALICE),
    f"/api/v1/backtests/{ID}/equity?points=10": objects.backtest_object(ID),
    f"/api/v1/backtests/{ID}/trades?limit=3&cursor=x": objects.backtest_object(ID),
    f"/api/v1/sweeps/{ID}": objects.sweep_object(ID),
    f"/api/v1/sweeps/{ID}/results?limit=3": objects.sweep_object(ID),
    "/api/v1/sweeps": objects.sweeps_object(ALICE),
    f"/api/v1/strategies/{ID}/versions?limit=2": objects.strategy_object(ID),
    f"/api/v1/strategies/{ID}/versions/1": objects.strategy_object(ID),
    "/api/v1/datasets?limit=2": objects.datasets_object(ALICE),
    f"/api/v1/datasets/{ID}": objects.dataset_object(ID),
    f"/api/v1/datasets/{ID}/bars?limit=3": objects.dataset_object(ID),
    "/api/v1/users/me": objects.user_object(ALICE),
}


class Anything(dict[str, Handler]):
    """Answers whatever is asked, of Alice's, and to Alice alone."""

    version = 1
    size = 2000

    def get(self, method: str, default: object = None) -> Handler:
        """Return the one handler there is."""
        del method, default
        return self.answer

    def answer(self, _: object, principal: Principal | None) -> tuple[object, dict[str, int]]:
        """A page, as large as it is wanted, whose version is that of every object."""
        if principal is None or principal.user_id != ALICE:
            raise NotFound("There is no such resource")
        body = {"revision": self.version, "items": ["x" * self.size], "next_cursor": f"c{self.version}"}
        return body, dict.fromkeys([*ROUTES.values(), objects.users_object()], self.version)


@pytest.fixture
def anything() -> Anything:
    return Anything()


@pytest.fixture
def services(anything: Anything) -> FakeServices:
    fake = FakeServices()
    fake.handlers = anything
    return fake


@pytest.fixture
def local() -> LocalCache:
    """One whose feed is heard."""
    local = LocalCache(1 << 20)
    local.opened()
    local.fresh_until = FAR
    return local


@pytest.fixture
def timings() -> Timings:
    return Timings("gateway", "test")


@pytest.fixture
async def client(
    services: FakeServices, cache: FakeCacheStore, local: LocalCache, timings: Timings, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(services, cache, tmp_path, local=local, timings=timings) as lent:
        yield lent


def told(answer: httpx.Response) -> list[tuple[str, str]]:
    """The headers that must be the same on every way."""
    return sorted((name, value) for name, value in answer.headers.multi_items() if name not in OF_ONE_ANSWER)


def status_of(answer: httpx.Response) -> str:
    """Where it came from."""
    return str(answer.headers["cache-status"])


async def every_way(
    client: httpx.AsyncClient, local: LocalCache, path: str, headers: dict[str, str], method: str = "GET"
) -> dict[str, httpx.Response]:
    """The answers of a miss, of both levels before the route is known to be cached, and of both after."""
    ways = {}
    for name, silent in (("miss", False), ("long l1", False), ("l1", False), ("l2", True)):
        local.fresh_until = 0.0 if silent else FAR
        ways[name] = await client.request(method, path, headers=token_of(ALICE) | headers)
    local.fresh_until = FAR
    return ways


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("coding", ["", *CODINGS])
async def test_no_way_can_be_told_from_another(
    client: httpx.AsyncClient, local: LocalCache, services: FakeServices, path: str, coding: str
) -> None:
    """Header by header and byte by byte a miss, a hit in either level and the short way answer the same."""
    ways = await every_way(client, local, path, {"Accept-Encoding": coding})
    assert [status_of(answer) for answer in ways.values()] == [
        "aurelius-l2; fwd=uri-miss",
        "aurelius-l1; hit",
        "aurelius-l1; hit",
        "aurelius-l2; hit",
    ]
    assert len(services.asked) == 1
    for answer in ways.values():
        assert answer.status_code == 200
        assert told(answer) == told(ways["miss"])
        assert answer.content == ways["miss"].content
        assert answer.headers.get("content-encoding", "") == coding
        assert set(answer.headers) >= OF_ONE_ANSWER


async def test_head_is_get_without_the_body(client: httpx.AsyncClient, local: LocalCache) -> None:
    """Also on the short way, with the length that GET would have."""
    get = await client.get(PATH, headers=token_of(ALICE))
    for answer in (await every_way(client, local, PATH, {}, "HEAD")).values():
        assert (answer.status_code, answer.content) == (200, b"")
        assert told(answer) == told(get)


@pytest.mark.parametrize("path", ["/api/v1/strategies", PATH])
@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_not_modified_is_the_same_on_every_way(
    client: httpx.AsyncClient, local: LocalCache, path: str, coding: str
) -> None:
    """Who has the bytes gets 304 with the same headers, whichever coding the tag is of and however it is written."""
    first = await client.get(path, headers=token_of(ALICE) | {"Accept-Encoding": coding})
    plain = first.headers["etag"].replace("-gzip", "")
    for tag in (first.headers["etag"], plain, f'W/{plain}, "other"', "*"):
        headers = {"Accept-Encoding": coding, "If-None-Match": tag}
        ways = await every_way(client, local, path, headers)
        for answer in ways.values():
            assert (answer.status_code, answer.content) == (304, b"")
            assert told(answer) == told(ways["miss"])
            assert answer.headers["etag"] == first.headers["etag"]
            assert not {"content-length", "content-type", "content-encoding", "link"} & set(answer.headers)
    other = await client.get(path, headers=token_of(ALICE) | {"If-None-Match": '"other"'})
    assert (other.status_code, status_of(other)) == (200, "aurelius-l1; hit")


async def warm(client: httpx.AsyncClient, path: str = PATH, **headers: str) -> None:
    """Have the short way known, and what it answers held."""
    for _ in range(2):
        await client.get(path, headers=token_of(ALICE) | headers)


async def test_nothing_is_sent_in_a_coding_that_is_refused(client: httpx.AsyncClient) -> None:
    """What is held in one coding is plain for who refuses it, and 406 for who refuses all."""
    await warm(client, **{"Accept-Encoding": "zstd"})
    for accepted, coding in (("identity", ""), ("gzip", "gzip"), ("zstd;q=0, br", "br"), ("zstd;q=0", "")):
        answer = await client.get(PATH, headers=token_of(ALICE) | {"Accept-Encoding": accepted})
        assert status_of(answer) == "aurelius-l1; hit"
        assert answer.headers.get("content-encoding", "") == coding
    refused = await client.get(PATH, headers=token_of(ALICE) | {"Accept-Encoding": "identity;q=0, *;q=0"})
    assert refused.status_code == 406


async def test_an_entry_is_its_owners_alone(client: httpx.AsyncClient) -> None:
    """What is held for one is 404 for everybody else on the very same path, however often they ask."""
    await warm(client)
    for _ in range(3):
        assert (await client.get(PATH, headers=token_of(BOB))).status_code == 404
    own = await client.get(PATH, headers=token_of(ALICE))
    assert (own.status_code, status_of(own)) == (200, "aurelius-l1; hit")


async def test_a_coding_is_made_once_for_all_who_want_it(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten who come while a large answer is compressed none has it compressed again, though the first one leaves."""
    made, wanted, let = 0, asyncio.Event(), asyncio.Event()

    async def slowly(body: bytes, coding: str) -> bytes:
        nonlocal made
        made += 1
        wanted.set()
        await let.wait()
        return compress(body, coding)

    await warm(client, **{"Accept-Encoding": "identity"})
    monkeypatch.setattr("services.gateway.hit_path.compressed", slowly)
    headers = token_of(ALICE) | {"Accept-Encoding": "br"}
    readers = [asyncio.create_task(client.get(PATH, headers=headers)) for _ in range(10)]
    async with asyncio.timeout(10):
        await wanted.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    readers[0].cancel()
    let.set()
    answers = await asyncio.gather(*readers[1:])
    assert {(status_of(answer), answer.headers["content-encoding"]) for answer in answers} == {
        ("aurelius-l1; hit", "br")
    }
    assert made == 1


async def test_bytes_of_an_older_entry_are_not_taken_for_a_newer_ones(
    client: httpx.AsyncClient, local: LocalCache, cache: FakeCacheStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process still holds in a coding is of no use for what the shared cache has given and it may not keep."""
    gzip = token_of(ALICE) | {"Accept-Encoding": "gzip"}
    await warm(client)
    await client.get(PATH, headers=gzip)
    obj, newer = objects.strategy_object(ID), b'{"revision":2}' + 2000 * b" "
    await cache.invalidate({obj: 2})  # and another process reads it first
    missed = await cache.get(obj, "doc")
    assert isinstance(missed, Miss)
    await cache.fill(obj, "doc", missed.lease, Entry(2, '"2-new"', ALICE, newer, made=int(time.time())))
    monkeypatch.setattr(local, "keep", lambda *_: None)
    local.fresh_until = 0.0
    answer = await client.get(PATH, headers=gzip)
    assert (status_of(answer), answer.headers["etag"], answer.content) == ("aurelius-l2; hit", '"2-new-gzip"', newer)


async def test_a_long_wish_is_answered_and_not_remembered(client: httpx.AsyncClient, local: LocalCache) -> None:
    """Nobody fills a process with headers: what is kept ready is for what clients send."""
    held = None
    for accepted in ("gzip", "x," * 200 + "gzip"):
        await warm(client, **{"Accept-Encoding": accepted})
        answer = await client.get(PATH, headers=token_of(ALICE) | {"Accept-Encoding": accepted})
        assert (status_of(answer), answer.headers["content-encoding"]) == ("aurelius-l1; hit", "gzip")
        held = local.peek((objects.strategy_object(ID), "doc"))
    assert held is not None
    assert {accepted for _, accepted in held.ready} == {b"gzip"}


async def test_what_has_become_anothers_is_not_sent(
    client: httpx.AsyncClient, local: LocalCache, services: FakeServices
) -> None:
    """The owner is compared on the short way too, whatever was known of the question; the service is asked."""
    await warm(client)
    held = local.peek((objects.strategy_object(ID), "doc"))
    assert held is not None
    held.entry = replace(held.entry, owner=BOB, body=b'{"secret":"of Bob"}')
    answer = await client.get(PATH, headers=token_of(ALICE))
    assert b"secret" not in answer.content
    assert (answer.json()["revision"], len(services.asked)) == (1, 2)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}, token_of(ALICE, expires=1_000_000_000)],
)
async def test_nothing_is_answered_before_the_token_is_verified(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """No token, or one that is none or has expired, is 401 on a path that is known and held."""
    await warm(client)
    assert (await client.get(PATH, headers=headers)).status_code == 401


def test_a_token_that_expires_is_no_longer_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way, which asks who is known, ends with the life of the token."""
    authenticator = Authenticator(GatewaySettings(secret_key=SECRET, data_dir=tmp_path))
    header = token_of(ALICE, expires=int(time.time()) + 60)["Authorization"]
    sent = header.encode()
    assert authenticator.known(sent) is None
    assert authenticator.principal(header).user_id == ALICE
    assert authenticator.known(sent) == authenticator.principal(header)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert authenticator.known(sent) is None


async def test_what_is_remembered_of_questions_has_an_end(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are forgotten, and one as long as clients can make it is never remembered."""
    monkeypatch.setattr(hit_path, "REMEMBERED", 3)
    for query in [*(f"limit={number}" for number in range(1, 6)), f"cursor={'x' * hit_path.LONGEST}"]:
        assert (await client.get(f"/api/v1/strategies?{query}", headers=token_of(ALICE))).status_code == 200
    short = client._transport.app._short  # type: ignore[attr-defined]  # of the transport that the fixture has made
    assert [query for *_, query, _ in short._known] == [b"limit=3", b"limit=4", b"limit=5"]


def test_what_is_remembered_of_tokens_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are verified again."""
    monkeypatch.setattr(auth, "REMEMBERED", 2)
    authenticator = Authenticator(GatewaySettings(secret_key=SECRET, data_dir=tmp_path))
    headers = [token_of(user)["Authorization"] for user in (ALICE, BOB, ID)]
    for header in headers:
        authenticator.principal(header)
    assert [authenticator.known(header.encode()) is None for header in headers] == [True, False, False]


@pytest.mark.parametrize("spelt", ["Bearer   {}", "bearer {} ", "Bearer \t{}"])
def test_a_token_is_remembered_in_one_spelling(tmp_path: Path, spelt: str) -> None:
    """Whoever may write as many spaces as a header holds fills nobody's memory with them."""
    authenticator = Authenticator(GatewaySettings(secret_key=SECRET, data_dir=tmp_path))
    header = spelt.format(token_of(ALICE)["Authorization"].removeprefix("Bearer "))
    assert authenticator.principal(header).user_id == ALICE
    assert authenticator.known(header.encode()) is None


async def test_a_new_token_of_the_same_account_goes_on(client: httpx.AsyncClient) -> None:
    """What is known of an account's questions outlives a refresh of its token."""
    await warm(client)
    answer = await client.get(PATH, headers=token_of(ALICE, expires=FAR_AHEAD))
    again = await client.get(PATH, headers=token_of(ALICE, expires=FAR_AHEAD))
    assert status_of(answer) == status_of(again) == "aurelius-l1; hit"


async def test_a_role_that_is_lost_is_lost_here_too(client: httpx.AsyncClient) -> None:
    """What an administrator may read, who is none any more may not: the route's guard is not gone around."""
    admin = token_of(ALICE, role="admin")
    answers = [await client.get("/api/v1/users", headers=admin) for _ in range(3)]
    assert [status_of(answer) for answer in answers][1:] == ["aurelius-l1; hit"] * 2
    for _ in range(2):  # the first makes the token known
        assert (await client.get("/api/v1/users", headers=token_of(ALICE))).status_code == 403


async def test_a_consistency_token_goes_past_what_is_older(client: httpx.AsyncClient, anything: Anything) -> None:
    """With its write's token a client never sees what this process held before; without need it costs nothing."""
    await warm(client)
    obj = objects.strategy_object(ID)
    seen = await client.get(PATH, headers=token_of(ALICE) | {"Consistency-Token": encode({obj: 1})})
    assert status_of(seen) == "aurelius-l1; hit"
    anything.version = 2
    newer = token_of(ALICE) | {"Consistency-Token": encode({obj: 2})}
    first, second = await client.get(PATH, headers=newer), await client.get(PATH, headers=newer)
    assert (status_of(first), first.json()["revision"]) == ("aurelius-l2; fwd=uri-miss", 2)
    assert (status_of(second), second.json()["revision"]) == ("aurelius-l1; hit", 2)
    broken = await client.get(PATH, headers=token_of(ALICE) | {"Consistency-Token": "%%%"})
    assert broken.status_code == 400


async def test_no_cache_goes_past_both_levels(client: httpx.AsyncClient, anything: Anything) -> None:
    """`Cache-Control: no-cache` asks the service, whatever is held, in any case and company."""
    await warm(client)
    anything.version = 2
    answer = await client.get(PATH, headers=token_of(ALICE) | {"Cache-Control": "max-age=0, No-Cache"})
    assert (status_of(answer), answer.json()["revision"]) == ("aurelius-l2; fwd=bypass", 2)


@pytest.mark.parametrize("accepted", ["identity", "br"])
async def test_what_ends_soon_is_made_anew(
    client: httpx.AsyncClient, services: FakeServices, local: LocalCache, accepted: str
) -> None:
    """Its reader is answered from what is held, ready to be sent or not, and the service is asked behind that."""
    await warm(client, **{"Accept-Encoding": "identity"})
    await client.get(PATH, headers=token_of(ALICE) | {"Accept-Encoding": "identity"})
    held = local.peek((objects.strategy_object(ID), "doc"))
    assert held is not None
    held.refresh_at = 0.0
    answer = await client.get(PATH, headers=token_of(ALICE) | {"Accept-Encoding": accepted})
    assert (status_of(answer), len(services.asked)) == ("aurelius-l1; hit", 2)


@pytest.mark.parametrize("path", [PATH, "/api/v1/strategies"])
async def test_an_announcement_ends_what_is_held(
    client: httpx.AsyncClient, anything: Anything, local: LocalCache, cache: FakeCacheStore, path: str
) -> None:
    """After the feed has told of a write neither level serves what was before; the link is that of the new page."""
    await warm(client, path)
    anything.version = 2
    for obj in (objects.strategy_object(ID), objects.strategies_object(ALICE)):
        await cache.invalidate({obj: 2})
        local.raised(obj, 2)
    fresh = [await client.get(path, headers=token_of(ALICE)) for _ in range(2)]
    assert [status_of(answer) for answer in fresh] == ["aurelius-l2; fwd=uri-miss", "aurelius-l1; hit"]
    assert {answer.json()["revision"] for answer in fresh} == {2}
    if path != PATH:
        assert {answer.headers["link"] for answer in fresh} == {'</api/v1/strategies?cursor=c2>; rel="next"'}


async def test_who_writes_here_reads_it_here(
    client: httpx.AsyncClient, anything: Anything, cache: FakeCacheStore
) -> None:
    """Without a token, and before the feed has told of it: the answer to the write names what it raised."""
    await warm(client)
    anything.version = 2
    await cache.invalidate({objects.strategy_object(ID): 2})
    assert (await client.patch(PATH, headers=token_of(ALICE), json={"name": "n"})).status_code == 200
    answer = await client.get(PATH, headers=token_of(ALICE))
    assert (status_of(answer), answer.json()["revision"]) == ("aurelius-l2; fwd=uri-miss", 2)


async def test_accept_is_part_of_the_question(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A table is JSON or a file by Accept: what is held as JSON never answers who wants a file."""
    path = f"/api/v1/backtests/{ID}/equity"
    await warm(client, path, Accept="application/json")
    asked = len(services.asked)
    answer = await client.get(path, headers=token_of(ALICE) | {"Accept": "text/csv"})
    assert answer.headers["content-type"] != "application/json"
    assert [each.METHOD for each in services.asked[asked:]] == ["backtest.read", "backtest.equity.export"]


@pytest.mark.parametrize("query", ["limit=6", "limit=5&q=b", "limit=5&cursor=c1", ""])
async def test_the_query_is_part_of_the_question(client: httpx.AsyncClient, services: FakeServices, query: str) -> None:
    """Another page, filter or cursor is another answer, of the short way too."""
    await warm(client, "/api/v1/strategies?limit=5")
    asked = len(services.asked)
    answer = await client.get(f"/api/v1/strategies?{query}", headers=token_of(ALICE))
    assert (status_of(answer), len(services.asked)) == ("aurelius-l2; fwd=uri-miss", asked + 1)


OTHERWISE = {
    **dict.fromkeys(("if-range", "if-modified-since", "if-unmodified-since"), "Sun, 29 Nov 2026 18:00:00 GMT"),
    "if-match": "*",
    "origin": "https://a.example",
    "range": "bytes=0-1",
    "prefer": "wait=1",
    "expect": "100-continue",
    "upgrade": "websocket",
    "content-length": "0",
    "content-type": "application/json",
    "transfer-encoding": "chunked",
}


@pytest.mark.parametrize("name", OTHERWISE)
async def test_what_could_make_a_difference_goes_the_long_way(client: httpx.AsyncClient, name: str) -> None:
    """The route decides, and answers from what is held."""
    await warm(client)
    answer = await client.get(PATH, headers=token_of(ALICE) | {name: OTHERWISE[name]})
    assert (answer.status_code, status_of(answer)) == (200, "aurelius-l1; hit")
    assert "cache;dur" in answer.headers["server-timing"]  # which the short way has no need to measure


async def test_a_header_that_comes_twice_goes_the_long_way(client: httpx.AsyncClient) -> None:
    """Two tokens are for the route to make sense of."""
    await warm(client)
    tokens = [("Consistency-Token", "%%%"), ("Consistency-Token", encode({}))]
    answer = await client.get(PATH, headers=[*token_of(ALICE).items(), *tokens])
    assert answer.status_code == 400


async def test_ids_are_made_or_taken(client: httpx.AsyncClient) -> None:
    """Each answer of the short way has an id and a trace of its own, or the request's."""
    await warm(client)
    first, second = [await client.get(PATH, headers=token_of(ALICE)) for _ in range(2)]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["traceparent"] != second.headers["traceparent"]
    trace = "0af7651916cd43dd8448eb211c80319c"
    given = {"X-Request-ID": "mine", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = await client.get(PATH, headers=token_of(ALICE) | given)
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["traceparent"].split("-")[1] == trace
    assert answer.headers["traceparent"].split("-")[2] != "b7ad6b7169203331"


async def test_requests_are_counted_on_every_way(client: httpx.AsyncClient, timings: Timings) -> None:
    """A request of the short way is counted under its route, method and status like any other."""
    await warm(client)
    tag = (await client.get(PATH, headers=token_of(ALICE))).headers["etag"]
    await client.get(PATH, headers=token_of(ALICE) | {"If-None-Match": tag})
    await client.head(PATH, headers=token_of(ALICE))
    batch = timings.batch()
    counted = {
        (each.labels["method"], each.labels["status"]): sum(each.counts)
        for each in batch.histograms
        if each.labels.get("route") == "/api/v1/strategies/{strategy_id}"
    }
    assert counted == {("GET", "200"): 3, ("GET", "304"): 1, ("HEAD", "200"): 1}
    assert len(batch.recent) == 5


async def test_the_time_of_the_long_way_is_told_by_stage(client: httpx.AsyncClient, timings: Timings) -> None:
    """Of a miss: cache, bus and service. What is held ready to be sent has no stages, which would cost it time."""

    def stages() -> dict[str, int]:
        told = [each for each in timings.batch().histograms if each.name == "stage_duration"]
        return {each.labels["stage"]: sum(each.counts) for each in told}

    plainly = token_of(ALICE) | {"Accept-Encoding": "identity"}
    await client.get(PATH, headers=plainly)
    assert stages() == {"cache": 1, "bus": 1, "service": 1}
    await client.get(PATH, headers=plainly)  # the short way, which holds it ready from now on
    assert stages() == {"cache": 2}
    await client.get(PATH, headers=plainly)
    assert stages() == {}


async def test_reads_are_counted_once(client: httpx.AsyncClient, cache: FakeCacheStore, local: LocalCache) -> None:
    """A read counts once in each level that it asks, whichever way it goes."""
    await every_way(client, local, PATH, {})
    await client.get(PATH, headers=token_of(ALICE))
    first, second = local.counts["strategy"], cache.stats.snapshot()["strategy"]
    assert (first.hits, first.misses) == (3, 2)
    assert (second.hits, second.misses, second.fills) == (1, 1, 1)
    local.raised(objects.strategy_object(ID), 2)
    await cache.invalidate({objects.strategy_object(ID): 2})
    await client.get(PATH, headers=token_of(ALICE))
    first, second = local.counts["strategy"], cache.stats.snapshot()["strategy"]
    assert (first.hits, first.misses) == (3, 3)
    assert (second.hits, second.misses) == (1, 2)


async def test_a_route_that_adds_to_its_answer_is_not_remembered(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this way would answer otherwise it does not answer: it is compared before it is remembered."""
    monkeypatch.setattr("services.gateway.hit_path.read_headers", lambda *_: {"ETag": "other"})
    await warm(client)
    answer = await client.get(PATH, headers=token_of(ALICE))
    assert answer.headers["etag"] != "other"
    assert status_of(answer) == "aurelius-l1; hit"
