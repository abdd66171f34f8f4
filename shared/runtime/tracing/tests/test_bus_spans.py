"""What happens on the bus, as spans that hang together from the first request to the last event."""

import uuid
from collections.abc import Mapping

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from redis.asyncio import Redis

from shared.contracts.clock import SystemClock
from shared.contracts.errors import NotFound, ServiceError, Unavailable
from shared.contracts.events import StrategyUpdated
from shared.contracts.objects import strategy_object
from shared.runtime import context
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.consumer import Refused
from shared.runtime.bus.server import Answer, Call
from shared.runtime.context import Handling
from shared.runtime.database import Database
from shared.runtime.outbox import announce
from shared.runtime.relay import Relay
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.echo import Say, echo
from shared.runtime.tests.eventually import eventually
from shared.runtime.tracing.tests.recording import (
    FOREIGN,
    SPAN,
    TRACE,
    Recorder,
    context_of,
    links_of,
    parent_of,
    traceparent_of,
)  # fmt: skip

pytestmark = pytest.mark.integration

EVENTS = "aurelius.events.strategy"
RPC = "aurelius.rpc.echo"


def traced(name: str, bus_url: str, recorder: Recorder) -> Service:
    """A service whose spans are kept."""
    service = Service(name, Settings(bus_url=bus_url))
    service.tracer = recorder.tracer
    return service


def said(attributes: Mapping[str, object] | None, *names: str) -> tuple[object, ...]:
    """Return what a span says."""
    assert attributes is not None
    return tuple(attributes.get(name) for name in names)


async def test_a_request_and_its_answer_are_two_spans_of_one_trace(bus_url: str) -> None:
    """The service's is below the caller's, which is below what the caller handles; what it does is below its own."""
    recorder, calls, handled = Recorder(), list[Call](), list[Handling]()
    service, asker = traced("echo", bus_url, recorder), traced("asker", bus_url, recorder)

    async def answer(message: Say, call: Call) -> Answer:
        calls.append(call)
        handled.append(context.current())
        return Answer(message.text)

    service.requests().handle(Say, answer)
    caller = asker.caller()
    async with service.running(), asker.running():
        with context.during(Handling(request_id="r-1", traceparent=FOREIGN, tracestate="vendor=1")):
            await caller.call(Say(text="a secret text"))
    client, server = sorted(recorder.spans, key=lambda span: span.kind is SpanKind.SERVER)
    assert {span.name for span in recorder.spans} == {f"echo.say {RPC}"}
    assert (client.kind, server.kind) == (SpanKind.CLIENT, SpanKind.SERVER)
    assert (parent_of(client), parent_of(server)) == (SPAN, traceparent_of(client)[36:52])
    assert {f"{context_of(span).trace_id:032x}" for span in recorder.spans} == {TRACE}
    assert {context_of(span).trace_state.to_header() for span in recorder.spans} == {"vendor=1"}
    assert calls[0].traceparent == handled[0].traceparent == traceparent_of(server)
    assert (handled[0].request_id, handled[0].tracestate) == ("r-1", "vendor=1")
    for span in (client, server):
        assert said(span.attributes, "messaging.system", "messaging.destination.name", "rpc.method") == (
            "redis", RPC, "echo.say",
        )  # fmt: skip
        assert said(span.attributes, "aurelius.request_id") == ("r-1",)
    assert "a secret text" not in "".join(span.to_json() for span in recorder.spans)


@pytest.mark.parametrize(
    ("error", "kind", "failed"),
    [
        (NotFound("nobody@example.com is not there"), "not-found", False),
        (Unavailable("away"), "unavailable", True),
        (RuntimeError("hunter2"), "RuntimeError", True),
    ],
)
async def test_what_a_request_is_refused_with_is_on_both_sides(
    bus_url: str, error: Exception, kind: str, failed: bool
) -> None:
    """By its kind; what was asked for wrongly is no failure of the platform's, and no sentence is in a span."""
    recorder = Recorder()
    service, asker = traced("echo", bus_url, recorder), traced("asker", bus_url, recorder)

    async def refuse(_: Say, __: Call) -> Answer:
        raise error

    service.requests().handle(Say, refuse)
    caller = asker.caller()
    async with service.running(), asker.running():
        with context.during(Handling(traceparent=FOREIGN)), pytest.raises(ServiceError):
            await caller.ask(Say(text="x"))
    client, server = sorted(recorder.spans, key=lambda span: span.kind is SpanKind.SERVER)
    assert said(server.attributes, "error.type" if failed else "aurelius.outcome") == (kind,)
    expected = StatusCode.ERROR if failed else StatusCode.UNSET
    assert (client.status.status_code, server.status.status_code) == (expected, expected)
    assert str(error) not in "".join(span.to_json() for span in recorder.spans)


async def test_what_came_of_no_request_is_in_no_trace(bus_url: str) -> None:
    """Processes look after one another all the time, which would bury what users ask for."""
    recorder = Recorder()
    service, asker = traced("echo", bus_url, recorder), traced("asker", bus_url, recorder)
    service.requests().handle(Say, echo)
    caller = asker.caller()
    async with service.running(), asker.running():
        await caller.call(Say(text="x"))
    assert recorder.spans == ()


async def test_without_a_tracer_the_trace_is_passed_on_as_it_is(bus_url: str) -> None:
    """So that a platform without traces is no gap in those of others, and its log lines are found by them."""
    service, asker = Service("echo", Settings(bus_url=bus_url)), Service("asker", Settings(bus_url=bus_url))
    calls: list[Call] = []

    async def answer(message: Say, call: Call) -> Answer:
        calls.append(call)
        return Answer(message.text)

    service.requests().handle(Say, answer)
    caller = asker.caller()
    async with service.running(), asker.running():
        with context.during(Handling(traceparent=FOREIGN)):
            await caller.call(Say(text="x"))
    assert calls[0].traceparent == FOREIGN


async def test_an_event_is_published_and_handled_in_the_trace_it_came_of(
    bus_url: str, bus: Redis, database: Database
) -> None:
    """Out of the outbox, by whoever relays it; the consumer's span is linked to the one that made the event."""
    recorder, handled = Recorder(), list[Handling]()
    reader = traced("invalidator", bus_url, recorder)

    async def handle(_: list[Entry]) -> None:
        handled.append(context.current())

    reader.consume(EVENTS, handle)
    event = StrategyUpdated(id="s1", owner="me", version=0, changed=["name"])
    async with database.transaction() as connection:
        await announce(connection, event, [strategy_object("s1")], clock=SystemClock(), traceparent=FOREIGN)
    assert await Relay(database, bus, "one", tracer=recorder.tracer).relay_once() == 1
    async with reader.running():

        async def done() -> bool:
            return bool(handled)

        await eventually(done)
    sent, processed = recorder.named(f"send {EVENTS}"), recorder.named(f"process {EVENTS}")
    assert (sent.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert (parent_of(sent), parent_of(processed), links_of(processed)) == (SPAN, SPAN, [SPAN])
    assert handled == [Handling(method=EVENTS, traceparent=traceparent_of(processed))]
    assert said(sent.attributes, "cloudevents.event_type") == (StrategyUpdated.TYPE,)
    assert said(processed.attributes, "messaging.consumer.group.name", "messaging.batch.message_count") == (
        "invalidator", 1,
    )  # fmt: skip


async def test_a_batch_is_a_span_in_each_trace_that_has_a_part_in_it(bus_url: str, redis: Redis) -> None:
    """Entries of no trace are none, and what an entry says wrongly of its trace disturbs nobody; who fails says so."""
    recorder, handled = Recorder(), list[Handling]()
    other = f"00-{uuid.uuid4().hex}-{SPAN}-01"
    for number, trace in enumerate([FOREIGN, FOREIGN, other, "", "garbage"], start=1):
        await redis.xadd(EVENTS, {"traceparent": trace} if trace else {"a": "b"}, id=f"{number}-0")
    reader = traced("invalidator", bus_url, recorder)

    async def handle(entries: list[Entry]) -> list[Refused]:
        handled.append(context.current())
        return [Refused(entry, "no") for entry in entries if entry.id == b"3-0"]

    reader.consume(EVENTS, handle)
    async with reader.running():

        async def done() -> bool:
            return len(recorder.spans) == 3

        await eventually(done)
    assert handled == [Handling(method=EVENTS)]
    traces = {f"{context_of(span).trace_id:032x}": span for span in recorder.spans}
    assert {TRACE, other[3:35]} < traces.keys()
    assert said(traces[other[3:35]].attributes, "error.type") == ("malformed",)
    assert said(traces[TRACE].attributes, "error.type") == (None,)
    (garbage,) = (span for trace, span in traces.items() if trace not in (TRACE, other[3:35]))
    assert (parent_of(garbage), links_of(garbage)) == ("", [])
