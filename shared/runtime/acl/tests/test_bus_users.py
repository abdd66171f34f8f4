"""What the users of the bus can do: the runtime's own code, each end of a stream as the user whose it is."""

from collections.abc import Iterator

import pytest
from redis import Redis

from shared.contracts.cache_messages import ObjectVersions
from shared.contracts.messages import CheckHealth, ReadVersions
from shared.contracts.streams import (
    ASKS,
    CHECKS,
    DEAD_LETTERS,
    EVENT_SOURCES,
    OUTSIDE,
    PROCESSES,
    STREAMS,
    TIMINGS,
    UNTIL_ACKNOWLEDGED,
    Stream,
    checks_of,
    rpc_stream,
)
from shared.runtime.acl.tests.guarded import Guarded
from shared.runtime.bus import abandoned, caller
from shared.runtime.bus.connection import Entry, make_client
from shared.runtime.bus.dead_letters import DeadLetters, Verdict
from shared.runtime.bus.server import Answer, Call
from shared.runtime.outbox import record
from shared.runtime.relay import Relay
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready
from tests.databases import connected

pytestmark = pytest.mark.integration

FOLLOWED = [
    pytest.param(stream, reader.name, id=f"{reader.name}-{stream.name}")
    for stream in STREAMS
    for reader in stream.readers
    if reader.group and reader.name != OUTSIDE
]


def service_of(bus: Guarded, user: str) -> Service:
    """Return a process of the service, logged in as its user."""
    return Service(user, Settings(bus_url=bus.url(user)))


async def versions(message: ReadVersions, call: Call) -> Answer:
    """Answer with the first version of each; it is asked in nobody's name."""
    assert call.principal is None
    return Answer(ObjectVersions(versions=dict.fromkeys(message.objects, 1)))


@pytest.fixture
def operator(unrefused_bus: Guarded) -> Iterator[Redis]:
    """Whoever looks on from outside."""
    with unrefused_bus.operator() as client:
        yield client


@pytest.mark.parametrize(("asker", "asked"), [(asker, service) for asker in ASKS for service in ASKS[asker]])
async def test_a_service_is_asked_and_answers(
    unrefused_bus: Guarded, operator: Redis, asker: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that goes with it: the reply stream made and kept short, the request deleted, readiness, a tidy end."""
    monkeypatch.setattr(caller, "TEND_SECONDS", 0.2)
    answering, asking = service_of(unrefused_bus, asked), service_of(unrefused_bus, asker)
    answering.requests()
    replies = asking.caller()
    async with answering.running(), asking.running():
        reply = await replies.ask(CheckHealth(), service=asked)
        assert b'"status":"ok"' in reply.body

        async def tidy() -> bool:
            return operator.xlen(replies.stream) == 1 and operator.xlen(f"aurelius.rpc.{asked}") == 0

        await eventually(tidy)
    assert operator.xinfo_consumers(f"aurelius.rpc.{asked}", asked) == []


@pytest.mark.parametrize(
    ("checker", "checked"), [(checker, service) for checker in CHECKS for service in CHECKS[checker]]
)
async def test_a_service_is_checked_and_answers(
    unrefused_bus: Guarded, operator: Redis, checker: str, checked: str
) -> None:
    """By who may ask it nothing else, with its own rights."""
    answering, asking = service_of(unrefused_bus, checked), service_of(unrefused_bus, checker)
    answering.checks(checker).handle(ReadVersions, versions)
    caller = asking.caller()
    stream = rpc_stream(checks_of(checked))
    async with answering.running(), asking.running():
        answer = await caller.ask(ReadVersions(objects=["strategy:1"]), service=checks_of(checked))
        assert answer.body == b'{"versions":{"strategy:1":1}}'

        async def tidy() -> bool:
            return operator.xlen(stream) == 0

        await eventually(tidy)


@pytest.mark.parametrize(("stream", "reader"), FOLLOWED)
async def test_a_group_is_followed_and_a_dead_consumer_replaced(
    unrefused_bus: Guarded, operator: Redis, stream: Stream, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry it was given and the next are both handled, acknowledged and, where that is the rule, deleted."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 0.05)
    monkeypatch.setattr(abandoned, "LOOK_SECONDS", 0.1)
    operator.xgroup_create(stream.name, reader, mkstream=True)
    operator.xadd(stream.name, {"n": "1"}, id="1-0")
    operator.xreadgroup(reader, "dead", {stream.name: ">"})
    operator.xadd(stream.name, {"n": "2"}, id="2-0")
    taken: list[bytes] = []

    async def take(entries: list[Entry]) -> None:
        taken.extend(entry.fields[b"n"] for entry in entries if b"n" in entry.fields)

    delete = stream.kept == UNTIL_ACKNOWLEDGED
    service = service_of(unrefused_bus, reader)
    service.consume(stream.name, take, delete=delete, reclaim=True)

    async def done() -> bool:
        pending = operator.xpending(stream.name, reader)["pending"]
        return sorted(taken) == [b"1", b"2"] and pending == 0 and (not delete or operator.xlen(stream.name) == 0)

    async with service.running():
        await eventually(done)
        await eventually(lambda: is_ready(service))


@pytest.mark.parametrize("source", EVENT_SOURCES)
async def test_a_relay_appends_to_its_own_streams(
    unrefused_bus: Guarded, operator: Redis, source: str, database_url: str
) -> None:
    """To a server that has not seen its script yet; and what was appended before is recognised, not refused."""
    operator.script_flush()
    streams = [stream.name for stream in STREAMS if stream.ids != "*" and source in stream.writers]
    async with connected(database_url, source) as database, make_client(unrefused_bus.url(source)) as client:
        async with database.transaction() as connection:
            for stream in streams:
                await record(
                    connection, stream=stream, event_type="t", subject="s", owner="o", time="2026-01-02T03:04:05Z",
                    data=b"{}",
                )  # fmt: skip
        relay = Relay(database, client, "relay")
        assert await relay.relay_once() == len(streams)
        async with database.transaction() as connection:
            await connection.execute("UPDATE outbox SET published_at = NULL")
        assert await relay.relay_once() == len(streams)
    assert [operator.xlen(stream) for stream in streams] == [1] * len(streams)


@pytest.mark.parametrize("user", PROCESSES)
async def test_every_process_sends_its_timings(unrefused_bus: Guarded, operator: Redis, user: str) -> None:
    """At its end if not before, and the bus is a healthy one to it."""
    service = service_of(unrefused_bus, user)
    async with service.running():
        await eventually(lambda: is_ready(service))
    assert operator.xlen(TIMINGS) >= 1


@pytest.mark.parametrize(("stream", "owner"), DEAD_LETTERS.items())
async def test_a_dead_letter_is_put_aside_listed_and_replayed(
    unrefused_bus: Guarded, operator: Redis, stream: str, owner: str
) -> None:
    """By the service whose the stream is, with its own rights and no others."""
    operator.xgroup_create(stream, owner, mkstream=True)
    entry_id = operator.xadd(stream, {"n": "1"})
    operator.xreadgroup(owner, "one", {stream: ">"})
    assert isinstance(entry_id, bytes)

    async def run(entry: Entry) -> tuple[str, str]:
        return entry.fields[b"n"].decode(), ""

    async with make_client(unrefused_bus.url(owner)) as client:
        letters = DeadLetters(client, stream, owner, delete=stream.startswith("aurelius.rpc."), count=lambda *_: None)
        assert await letters.put(Entry(entry_id, {b"n": b"1"}), Verdict(reason="failed", error="no"))
        await letters.trim()
        ((place, _),) = await letters.newest(None, 1)
        assert (await letters.replay(place, run)).outcome == "1"
        assert await letters.newest(None, 1) == []
