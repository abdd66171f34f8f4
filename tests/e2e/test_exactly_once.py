"""Whatever dies between a write and its answer: the write is done once, and every repeat is answered the same."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope
from tests.e2e.held_commits import held_commit, held_write, owner_url
from tests.e2e.journey import SMA_CROSS, User, registered, stored, uploaded
from tests.e2e.platform import PASSWORD, Platform, until_healthy

pytestmark = pytest.mark.e2e

HEAL_SECONDS = 60.0
STORED = ("strategy.outbox", "INSERT INTO outbox")
SAME = ("location", "etag", "consistency-token", "content-type")


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def repeated(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Ask until there is an answer: not in time, not now and not yet are none."""
    async with asyncio.timeout(HEAL_SECONDS):
        while True:
            try:
                answer = await ask()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code not in (409, 503, 504):
                return answer
            await asyncio.sleep(0.1)


async def count(system: Platform, query: str, *arguments: object) -> int:
    """Return a number from the database."""
    connection: Any = await asyncpg.connect(owner_url(system))
    try:
        return int(await connection.fetchval(query, *arguments))
    finally:
        await connection.close()


@asynccontextmanager
async def killed_before_the_answer(
    system: Platform, table: str, statement: str, ask: Callable[[], Awaitable[httpx.Response]]
) -> AsyncIterator[ReplyEnvelope]:
    """Have a request committed, its service killed before it knows, and the request delivered once more.

    Lends the answer to that, which goes to a stream of the test's own.
    """
    service = table.partition(".")[0]
    stream = f"aurelius.rpc.{service}"
    async with Redis.from_url(system.bus_url(), protocol=2) as bus:
        async with held_commit(system, table, statement, ask) as asking:
            request = await _taken(bus, stream)
            await kill(system, service)
        await until_healthy(system.base_url, HEAL_SECONDS)
        replies = f"aurelius.replies.gateway-{uuid.uuid4().hex}"
        await bus.xadd(replies, {"opened": "1"})
        deadline = int((time.time() + HEAL_SECONDS) * 1000)
        again = msgspec.structs.replace(request, reply_to=replies, deadline=deadline)
        await bus.xadd(stream, again.to_entry())  # type: ignore[arg-type]  # the stubs ask for a wider dict
        try:
            yield await _reply(bus, replies)
        finally:
            await bus.delete(replies)
            asking.cancel()


async def kill(system: Platform, service: str) -> None:
    """Kill a service; whoever supervises it starts it again."""
    (process,) = [each for each in system.processes(f"services.{service}") if each.ppid() == system.launcher.pid]
    process.kill()
    await asyncio.to_thread(process.wait)


async def _taken(bus: Redis, stream: str) -> RequestEnvelope:
    """Return the last request on a stream: of those that died before some may be there yet."""
    entries: Any = await bus.xrange(stream)
    requests = [RequestEnvelope.from_entry(fields) for _, fields in entries]
    return [request for request in requests if request.method != "health.check"][-1]


async def _reply(bus: Redis, replies: str) -> ReplyEnvelope:
    async with asyncio.timeout(HEAL_SECONDS):
        while True:
            entries: Any = await bus.xrange(replies)
            for _, fields in entries:
                if b"opened" not in fields:
                    return ReplyEnvelope.from_entry(fields)
            await asyncio.sleep(0.01)


async def test_a_write_whose_service_died_after_its_commit_is_answered_and_not_done_again(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """Delivered once more, and repeated by the client: one strategy, which all are shown."""
    user = await registered(client)
    await stored(user, "before")  # so that its spec has been tried out
    key = new_key()

    async def ask() -> httpx.Response:
        body = {"name": "mine", "spec": SMA_CROSS}
        return await client.post("/api/v1/strategies", json=body, headers=user.headers | key)

    async with killed_before_the_answer(system, *STORED, ask) as reply:
        assert reply.error is None
    answer = await repeated(ask)
    assert answer.status_code == 201
    assert answer.headers["idempotency-replayed"] == "true"
    assert answer.content == reply.body
    listed = (await user.call("GET", "/strategies?q=mine", 200)).json()["items"]
    assert [each["id"] for each in listed] == [answer.json()["id"]]
    events = "SELECT count(*) FROM strategy.outbox WHERE subject = $1"
    assert await count(system, events, f"strategy:{answer.json()['id']}") == 1


async def test_a_write_whose_service_died_before_its_commit_is_done_by_a_repeat(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """The key is nobody's when the time of the first request is up, or is carried on by whoever it is delivered to."""
    user, key = await registered(client), new_key()
    await stored(user, "before")

    async def ask() -> httpx.Response:
        body = {"name": "mine", "spec": SMA_CROSS}
        return await client.post("/api/v1/strategies", json=body, headers=user.headers | key)

    async with held_write(system, *STORED, ask) as asking:
        await kill(system, "strategy")
        asking.cancel()
    answer = await repeated(ask)
    assert answer.status_code == 201
    listed = (await user.call("GET", "/strategies?q=mine", 200)).json()["items"]
    assert [each["id"] for each in listed] == [answer.json()["id"]]


async def test_a_refresh_whose_service_died_after_its_commit_does_not_end_the_session(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """Delivered once more it answers tokens that work; it does not pass for a stolen token."""
    email = f"{uuid.uuid4().hex}@example.com"
    anybody = User(client, {})
    await anybody.call("POST", "/auth/register", 201, json={"email": email, "password": PASSWORD, "name": "A"})
    login = await anybody.call("POST", "/auth/login", 200, json={"email": email, "password": PASSWORD})
    first = {"refresh_token": login.json()["refresh_token"]}

    async def ask() -> httpx.Response:
        return await client.post("/api/v1/auth/refresh", json=first)

    async with killed_before_the_answer(system, "strategy.sessions", "UPDATE sessions", ask) as reply:
        assert reply.error is None
        second = httpx.Response(200, content=reply.body).json()
    me = User(client, {"Authorization": f"Bearer {second['access_token']}"})
    await me.call("GET", "/strategies", 200)
    third = await anybody.call("POST", "/auth/refresh", 200, json={"refresh_token": second["refresh_token"]})
    # The first token is in two hands now, if it is sent by another request.
    await anybody.call("POST", "/auth/refresh", 401, json=first)
    await anybody.call("POST", "/auth/refresh", 401, json={"refresh_token": third.json()["refresh_token"]})


@pytest.mark.parametrize("what", ["dataset", "sweep"])
async def test_what_the_backtest_service_committed_before_it_died_is_there_once(
    system: Platform, client: httpx.AsyncClient, aapl: Path, what: str
) -> None:
    """An upload, though it has been read and is gone; a sweep, though its jobs wait already."""
    user, key = await registered(client), new_key()
    body = {"spec": SMA_CROSS, "grid": {"fast": [5, 10]}}
    if what == "sweep":
        body["dataset_id"] = await uploaded(user, aapl)

    async def ask() -> httpx.Response:
        if what == "sweep":
            return await client.post("/api/v1/sweeps", json=body, headers=user.headers | key)
        files = {"file": ("a.csv", aapl.read_bytes(), "text/csv")}
        return await client.post("/api/v1/datasets", files=files, headers=user.headers | key)

    async with killed_before_the_answer(system, "backtest.outbox", "INSERT INTO outbox", ask) as reply:
        assert reply.error is None, reply.error
    answer = await repeated(ask)
    assert answer.headers["idempotency-replayed"] == "true"
    assert answer.content == reply.body
    listed = (await user.call("GET", f"/{what}s", 200)).json()["items"]
    assert [each["id"] for each in listed] == [answer.json()["id"]]
    if what == "sweep":
        path = f"/sweeps/{answer.json()['id']}"
        async with asyncio.timeout(HEAL_SECONDS):
            while (await user.call("GET", path, 200)).json()["status"] != "succeeded":
                await asyncio.sleep(0.1)


async def test_a_request_whose_gateway_died_is_answered_by_another(system: Platform, client: httpx.AsyncClient) -> None:
    """The client hears nothing of the first; its repeat is answered what was made then."""
    user, key = await registered(client), new_key()
    await stored(user, "before")
    body = {"name": "mine", "spec": SMA_CROSS}

    async def ask() -> httpx.Response:
        return await client.post("/api/v1/strategies", json=body, headers=user.headers | key)

    async with held_commit(system, *STORED, ask) as asking:
        for process in system.processes("services.gateway"):
            process.kill()
    with pytest.raises(httpx.TransportError):
        await asking
    answer = await repeated(ask)
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    listed = (await user.call("GET", "/strategies?q=mine", 200)).json()["items"]
    assert [each["id"] for each in listed] == [answer.json()["id"]]
    await until_healthy(system.base_url, HEAL_SECONDS)


async def test_of_fifty_at_once_with_one_key_one_is_done(system: Platform, client: httpx.AsyncClient) -> None:
    """The others are asked to wait or answered the same; another owner's same key is another one."""
    user, other, key = await registered(client), await registered(client), new_key()
    body = {"name": "mine", "spec": SMA_CROSS}

    async def ask(who: User = user) -> httpx.Response:
        return await client.post("/api/v1/strategies", json=body, headers=who.headers | key)

    answers = await asyncio.gather(*(ask() for _ in range(50)), ask(other))
    theirs = answers.pop()
    done = [each for each in answers if each.status_code == 201]
    waiting = [each for each in answers if each.status_code == 409]
    assert len(done) + len(waiting) == 50
    assert sum("idempotency-replayed" not in each.headers for each in done) == 1
    assert len({(each.content, *(each.headers[name] for name in SAME)) for each in done}) == 1
    for each in waiting:
        assert each.json()["type"] == "/problems/request-in-progress"
        assert int(each.headers["retry-after"]) >= 1
    assert len((await user.call("GET", "/strategies", 200)).json()["items"]) == 1
    assert theirs.status_code == 201
    assert theirs.json()["id"] != done[0].json()["id"]


async def test_a_replay_is_the_first_answer_whatever_has_become_of_it(
    system: Platform, client: httpx.AsyncClient, aapl: Path
) -> None:
    """Deleted since or not, it says what was made; the key says nothing else, and the file uploaded under it counts."""
    uploads = system.data_dir / "objects" / "uploads"
    before = set(uploads.glob("*"))  # of a gateway that still waits for an answer
    user, key = await registered(client), new_key()
    strategy = {"name": "mine", "spec": SMA_CROSS}
    first = await user.call("POST", "/strategies", 201, json=strategy, headers=key)
    await user.call("DELETE", f"/strategies/{first.json()['id']}", 204)
    again = await user.call("POST", "/strategies", 201, json=strategy, headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    assert [again.headers[name] for name in SAME] == [first.headers[name] for name in SAME]
    reused = await user.call("POST", "/strategies", 422, json=strategy | {"name": "other"}, headers=key)
    assert reused.json()["type"] == "/problems/idempotency-key-reused"
    assert (await user.call("GET", "/strategies", 200)).json()["items"] == []

    async def upload(content: bytes, status: int) -> httpx.Response:
        return await user.call("POST", "/datasets", status, files={"file": ("a.csv", content, "text/csv")}, headers=key)

    dataset = await upload(aapl.read_bytes(), 201)
    assert "idempotency-replayed" not in dataset.headers  # the same key, on another route
    assert (await upload(aapl.read_bytes(), 201)).content == dataset.content
    await upload(aapl.read_bytes()[:-30], 422)
    run = {"dataset_id": dataset.json()["id"], "spec": SMA_CROSS}
    queued = await user.call("POST", "/backtests", 202, json=run, headers=key)
    waited = await user.call("POST", "/backtests", 200, json=run, headers=key | {"Prefer": "wait=30"})
    assert (waited.json()["id"], waited.json()["status"]) == (queued.json()["id"], "succeeded")
    assert (await user.call("POST", "/backtests", 202, json=run, headers=key)).content == queued.content
    assert set(uploads.glob("*")) <= before


async def test_an_error_leaves_its_key_free(client: httpx.AsyncClient) -> None:
    """What was refused changed nothing; corrected, it may come under the same key."""
    user, key = await registered(client), new_key()
    await user.call("POST", "/strategies", 422, json={"name": "n", "spec": {"entry_long": "smaa("}}, headers=key)
    answer = await user.call("POST", "/strategies", 201, json={"name": "n", "spec": SMA_CROSS}, headers=key)
    assert "idempotency-replayed" not in answer.headers
