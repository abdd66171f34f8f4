"""The monolith: it answers what the platform answers, keeps it for a time, and forgets it at a write.

One system beside it, whose data it is given.
"""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

pytest.importorskip("fastapi", reason="the peer is installed for `make bench` alone")

from bench.caching.data import Data, copied, made
from bench.peers.monolith.app import application
from bench.peers.monolith.settings import Settings
from bench.peers.monolith.tokens import token_for
from tests.databases import fresh_database
from tests.e2e.platform import platform
from tests.servers import ValkeyServer

STRATEGIES = 120
SECRET = "a-secret-of-tests-alone-0123456789"

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@dataclass(frozen=True)
class Peer:
    """The monolith, its client as the owner, and the way past it to its servers."""

    client: httpx.AsyncClient
    database_url: str
    cache: Redis
    data: Data

    async def get(self, path: str, **options: Any) -> Any:
        """Read, and insist on 200."""
        answer = await self.client.get(f"/api/v1{path}", **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def strategy(self) -> str:
        """The path of one of the owner's strategies."""
        return f"/strategies/{self.data.strategy_ids[0]}"


@pytest_asyncio.fixture(scope="session")
async def data(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Data]:
    """What the platform has."""
    folder = tmp_path_factory.mktemp("platform")
    async with platform(folder) as running, running.client() as client:
        yield await made(client, folder, STRATEGIES)


@pytest_asyncio.fixture
async def peer(data: Data, postgres_url: str, cache_server: ValkeyServer) -> AsyncIterator[Peer]:
    """A monolith with an empty cache."""
    async with fresh_database(postgres_url) as url, Redis.from_url(cache_server.url, protocol=2) as cache:
        await cache.flushall()
        await copied(data, url)
        app = application(Settings(url, SECRET, cache_server.url))
        token = token_for(UUID(data.owner.user_id), SECRET)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://monolith", headers={"Authorization": f"Bearer {token}"}
            ) as client,
        ):
            yield Peer(client, url, cache, data)


async def test_it_answers_what_the_platform_answers(peer: Peer) -> None:
    """Field by field, for a strategy and for a whole curve, from the database and from the cache."""
    for path in (peer.strategy, f"/backtests/{peer.data.backtest_id}/equity"):
        ours = await peer.data.owner.call("GET", path, 200)
        assert await peer.get(path) == ours
        assert await peer.get(path) == ours


async def test_its_pages_are_the_platforms(peer: Peer) -> None:
    """All of them, in the same order; a cursor is its maker's own."""
    theirs: list[Any] = []
    ours: list[Any] = []
    for pages, read in ((theirs, peer.get), (ours, lambda path: peer.data.owner.call("GET", path, 200))):
        cursor = ""
        while True:
            page = await read(f"/strategies?limit=50{cursor}")
            pages.append(page["items"])
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
    assert theirs == ours
    assert [len(page) for page in theirs] == [50, 50, 20]


async def test_what_it_has_answered_it_answers_again_without_the_database(peer: Peer) -> None:
    """A hit is a hit."""
    curve = f"/backtests/{peer.data.backtest_id}/equity"
    before = [await peer.get(path) for path in (peer.strategy, "/strategies", curve)]
    await execute(peer, "TRUNCATE strategies, backtests CASCADE")
    assert [await peer.get(path) for path in (peer.strategy, "/strategies", curve)] == before


async def test_everything_is_kept_for_a_time_alone(peer: Peer) -> None:
    """300 s for strategies, 600 s for results."""
    for path in (peer.strategy, "/strategies", f"/backtests/{peer.data.backtest_id}/equity"):
        await peer.get(path)
    keys = cast("list[bytes]", await peer.cache.keys())
    lives = {key.split(b":")[0]: await peer.cache.ttl(key) for key in keys}
    assert lives.keys() == {b"strategy", b"strategies", b"equity"}
    assert 0 < lives[b"strategy"] <= 300
    assert 0 < lives[b"strategies"] <= 300
    assert 300 < lives[b"equity"] <= 600


async def test_a_write_deletes_what_it_makes_old(peer: Peer) -> None:
    """The strategy itself and every page it is on."""
    old = await peer.get(peer.strategy)
    await peer.get("/strategies")
    await peer.get("/strategies?limit=7")
    changed = await peer.client.patch(f"/api/v1{peer.strategy}", json={"name": "Another"})
    assert changed.status_code == 200
    assert await peer.get(peer.strategy) == changed.json()
    assert changed.json() == {**old, "name": "Another", "revision": 2, "updated_at": changed.json()["updated_at"]}
    for page in ("/strategies", "/strategies?limit=7"):
        assert (await peer.get(page))["items"][0]["name"] == "Another"
    assert (await peer.client.delete(f"/api/v1{peer.strategy}")).status_code == 204
    assert (await peer.client.get(f"/api/v1{peer.strategy}")).status_code == 404
    assert (await peer.get("/strategies"))["items"][0]["id"] != old["id"]


async def test_what_is_not_the_callers_is_not_there(peer: Peer) -> None:
    """From the database and from the cache alike."""
    paths = (peer.strategy, f"/backtests/{peer.data.backtest_id}/equity")
    for path in paths:
        await peer.get(path)
    stranger = {"Authorization": f"Bearer {token_for(uuid.uuid4(), SECRET)}"}
    for path in paths:
        assert (await peer.client.get(f"/api/v1{path}", headers=stranger)).status_code == 404
    assert (await peer.get("/strategies", headers=stranger))["items"] == []


@pytest.mark.parametrize("token", ["", "Bearer nonsense", f"Bearer {token_for(uuid.uuid4(), SECRET[::-1])}"])
async def test_who_has_no_valid_token_is_refused(peer: Peer, token: str) -> None:
    """Also what is in the cache is for its owner alone."""
    await peer.get(peer.strategy)
    answer = await peer.client.get(f"/api/v1{peer.strategy}", headers={"Authorization": token})
    assert answer.status_code == 401


async def test_it_compresses_for_who_accepts_it(peer: Peer) -> None:
    """By gzip, from 1,000 bytes on."""
    plain = await peer.client.get("/api/v1/strategies", headers={"Accept-Encoding": "identity"})
    small = await peer.client.get("/api/v1/strategies", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert json.loads(small.content) == json.loads(plain.content)


async def test_without_a_cache_it_reads_the_database_each_time(peer: Peer) -> None:
    """What it is compared with when ours is off as well."""
    app = application(Settings(peer.database_url, SECRET))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://monolith", headers=peer.client.headers
        ) as client,
    ):
        before = await client.get(f"/api/v1{peer.strategy}")
        await execute(peer, "UPDATE strategies SET name = 'Another'")
        assert (await client.get(f"/api/v1{peer.strategy}")).json() == {**before.json(), "name": "Another"}


async def execute(peer: Peer, statement: str) -> None:
    connection = await asyncpg.connect(peer.database_url)
    await connection.execute(statement)
    await connection.close()
