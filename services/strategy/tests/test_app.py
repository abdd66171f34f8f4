"""The service as composed, through a real bus and a real database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from services.strategy.app import compose
from services.strategy.settings import StrategySettings
from services.strategy.tests.conftest import SECRET, TRACEPARENT
from services.strategy.tests.fakes import report_on
from shared.contracts import messages
from shared.contracts.errors import Conflict, InvalidSpec, Malformed, NotFound, Unavailable
from shared.contracts.events import SPEC_VERSION, CloudEvent, StrategyCreated
from shared.contracts.objects import strategies_object, strategy_object
from shared.contracts.streams import event_stream
from shared.contracts.values import JsonObject, Principal, StrategyPage
from shared.runtime import context
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.server import Answer, Call
from shared.runtime.context import Handling
from shared.runtime.environment import SettingsError, load
from shared.runtime.service import Service
from shared.runtime.settings import Settings

pytestmark = pytest.mark.integration

SPEC: JsonObject = {"let": {"s": "sma(close, 20)", "f": "sma(close, 5)"}, "entry_long": "crossover(f, s)"}
Entries = list[tuple[bytes, dict[bytes, bytes]]]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def settings(database_url: str, bus_url: str, cache_url: str, tmp_path: Path) -> StrategySettings:
    """Settings as the environment gives them."""
    return load(
        StrategySettings,
        {
            "DATABASE_URL": database_url,
            "BUS_URL": bus_url,
            "REDIS_URL": cache_url,
            "DATA_DIR": str(tmp_path),
            "SECRET_KEY": SECRET,
        },
    )


@pytest.fixture
async def caller(settings: StrategySettings) -> AsyncIterator[Caller]:
    """A gateway's caller, with the strategy service and a stand-in for the backtest service running."""
    strategy = compose(settings)
    backtest = Service("backtest", Settings(bus_url=settings.bus_url))
    backtest.requests().handle(messages.AcceptSpec, _accept)
    gateway = Service("gateway", Settings(bus_url=settings.bus_url))
    caller = gateway.caller()
    async with AsyncExitStack() as stack:
        for service in (strategy, backtest, gateway):
            await stack.enter_async_context(service.running())
        yield caller


async def _accept(message: messages.AcceptSpec, _: Call) -> Answer:
    return Answer(report_on(message.spec))


async def _registered(caller: Caller, email: str = "ana@example.com") -> Principal:
    user, _ = await caller.call(messages.RegisterUser(email=email, password=PASSWORD, name="Ana"))
    return Principal(user_id=user.id)


async def test_an_account_is_opened_used_and_refreshed(caller: Caller) -> None:
    """Register, log in, refresh: each answers over the bus what the next needs."""
    user, reply = await caller.call(messages.RegisterUser(email="ana@example.com", password=PASSWORD, name="Ana"))
    assert reply.versions == {f"user:{user.id}": 1, "users:all": 1}
    tokens, _ = await caller.call(messages.LogIn(email="Ana@example.com", password=PASSWORD))
    fresh, _ = await caller.call(messages.RefreshTokens(refresh_token=tokens.refresh_token))
    assert fresh.refresh_token != tokens.refresh_token
    with pytest.raises(Conflict):
        await _registered(caller)


async def test_a_strategy_lives_and_dies(caller: Caller) -> None:
    """Create, read, list, change, delete: values and versions agree from step to step."""
    ana = await _registered(caller)
    created, reply = await caller.call(messages.CreateStrategy(name="SMA cross", spec=SPEC), ana)
    entity, collection = strategy_object(created.id), strategies_object(ana.user_id)
    assert reply.versions == {entity: 1, collection: 1}
    read, reply = await caller.call(messages.ReadStrategy(id=created.id), ana)
    assert (read, reply.versions) == (created, {entity: 1})
    listed, reply = await caller.call(messages.ListStrategies(), ana)
    assert (listed.items, listed.next_cursor, reply.versions) == ([created], None, {collection: 1})
    patched, reply = await caller.call(messages.PatchStrategy(id=created.id, name="n", if_revision=(1,)), ana)
    assert (patched.name, patched.revision, reply.versions) == ("n", 2, {entity: 2, collection: 2})
    _, reply = await caller.call(messages.DeleteStrategy(id=created.id), ana)
    assert reply.versions == {entity: 3, collection: 3}
    with pytest.raises(NotFound):
        await caller.call(messages.ReadStrategy(id=created.id), ana)


async def test_errors_keep_their_kind_over_the_bus(caller: Caller) -> None:
    """The parser's pointers, and what does not fit a message, reach the caller as typed errors."""
    ana = await _registered(caller)
    with pytest.raises(InvalidSpec) as caught:
        await caller.call(messages.CreateStrategy(name="n", spec={}), ana)
    assert [error.pointer for error in caught.value.errors] == ["/spec/entry_long"]
    with pytest.raises(Malformed):
        await caller.call(messages.CreateStrategy(name="n" * 201, spec=SPEC), ana)


async def test_a_list_too_large_for_the_bus_goes_to_the_object_store(
    settings: StrategySettings, caller: Caller
) -> None:
    """It waits there whole, and the reply names it: this caller has no object store, and is told so."""
    ana = await _registered(caller)
    spec: JsonObject = {"entry_long": "close > 1", "let": {"a": "x" * 150_000}}
    created = [(await caller.call(messages.CreateStrategy(name=str(n), spec=spec), ana))[0] for n in range(2)]
    with pytest.raises(Unavailable, match="object store"):
        await caller.call(messages.ListStrategies(sort="name"), ana)
    (waiting,) = (settings.data_dir / "objects" / "replies").iterdir()
    assert msgspec.json.decode(waiting.read_bytes(), type=StrategyPage).items == created


async def test_a_change_arrives_on_the_event_stream_as_a_cloud_event(caller: Caller, bus_url: str) -> None:
    """Any client reads it with plain XREAD: `<sequence>-0`, and every attribute of CloudEvents 1.0."""
    ana = await _registered(caller)
    with context.during(Handling(traceparent=TRACEPARENT)):
        created, reply = await caller.call(messages.CreateStrategy(name="SMA cross", spec=SPEC), ana)
    registered, (entry_id, fields) = await _entries(bus_url, 2)
    assert registered[0] == b"1-0"
    assert entry_id == b"2-0"
    event_id, time = fields.pop(b"id"), fields.pop(b"time")
    data = msgspec.json.decode(fields.pop(b"data"), type=StrategyCreated)
    assert fields == {
        b"specversion": SPEC_VERSION.encode(),
        b"source": b"/aurelius/strategy",
        b"type": b"aurelius.strategy.created.v1",
        b"subject": strategy_object(created.id).encode(),
        b"datacontenttype": b"application/json",
        b"dataschema": b"/asyncapi.json#/components/schemas/StrategyCreated",
        b"sequence": b"2",
        b"traceparent": TRACEPARENT.encode(),
        b"owner": ana.user_id.encode(),
    }
    assert len(event_id) == 36
    assert time.endswith(b"Z")
    assert (data.id, data.owner, data.version, data.objects) == (created.id, ana.user_id, 1, reply.versions)


async def test_events_of_one_strategy_arrive_in_the_order_of_its_versions(caller: Caller, bus_url: str) -> None:
    """Sequences are dense; created, changed, deleted come in that order."""
    ana = await _registered(caller)
    created, _ = await caller.call(messages.CreateStrategy(name="SMA cross", spec=SPEC), ana)
    for number in range(5):
        await caller.call(messages.PatchStrategy(id=created.id, name=f"{number}"), ana)
    await caller.call(messages.DeleteStrategy(id=created.id), ana)
    entries = [CloudEvent.from_entry(fields) for _, fields in await _entries(bus_url, 8)]
    assert [event.sequence for event in entries] == list(range(1, 9))
    told = [event.event() for event in entries[1:]]
    assert [event.version for event in told if event is not None] == list(range(1, 8))
    kinds = [event.type.split(".")[2] for event in entries[1:]]
    assert kinds == ["created", *["updated"] * 5, "deleted"]


async def _entries(bus_url: str, number: int) -> Entries:
    """Read the first `number` entries of the service's event stream, waiting for them."""
    found: Entries = []
    async with Redis.from_url(bus_url, protocol=2, socket_timeout=10) as client:
        while len(found) < number:
            last = found[-1][0] if found else b"0"
            answer: list[tuple[bytes, Entries]] = await client.xread(  # type: ignore[assignment]  # as RESP2 has it
                {event_stream("strategy"): last}, block=5000
            )
            assert answer, f"{len(found)} of {number} events came"
            found += answer[0][1]
    return found


def test_what_is_missing_is_named_all_at_once() -> None:
    """The start stops with the name of every variable it needs."""
    with pytest.raises(SettingsError) as caught:
        load(StrategySettings, {})
    assert "DATABASE_URL is not set" in str(caught.value)
    assert "SECRET_KEY is not set" in str(caught.value)
