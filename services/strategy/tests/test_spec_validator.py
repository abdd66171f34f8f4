"""Asking the backtest service about a spec, over a real bus."""

import time
from collections.abc import AsyncIterator

import pytest

from services.strategy.spec_validator import BusSpecValidator
from services.strategy.tests.conftest import call_of
from services.strategy.tests.fakes import FakeSpecValidator, report_on
from shared.contracts.errors import Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import AcceptSpec
from shared.contracts.values import JsonObject, Principal
from shared.runtime import context
from shared.runtime.bus.server import Answer, Call
from shared.runtime.context import Handling
from shared.runtime.service import Service
from shared.runtime.settings import Settings

pytestmark = pytest.mark.integration

VALID: JsonObject = {"let": {"b": "2", "a": "1"}, "entry_long": "close > a"}


@pytest.fixture
async def asking(bus_url: str) -> AsyncIterator[BusSpecValidator]:
    """The asking side, running."""
    service = Service("strategy", Settings(bus_url=bus_url))
    validator = BusSpecValidator(service.caller())
    async with service.running():
        yield validator


@pytest.fixture
async def asked(bus_url: str) -> AsyncIterator[list[tuple[AcceptSpec, Call]]]:
    """A backtest service that answers as the fake does; what it was asked."""
    service = Service("backtest", Settings(bus_url=bus_url))
    seen: list[tuple[AcceptSpec, Call]] = []

    async def accept(message: AcceptSpec, call: Call) -> Answer:
        seen.append((message, call))
        return Answer(report_on(message.spec))

    service.requests().handle(AcceptSpec, accept)
    async with service.running():
        yield seen


@pytest.mark.parametrize("spec", [VALID, {}])
async def test_the_bus_brings_the_report_the_fake_gives(
    asking: BusSpecValidator, asked: list[tuple[AcceptSpec, Call]], spec: JsonObject
) -> None:
    """Valid or not, the report comes back whole: what holds with the fake holds with the service."""
    call = call_of(Principal(user_id=new_id()))
    assert await asking.validate(spec, call) == await FakeSpecValidator().validate(spec, call)


async def test_the_question_carries_who_asks_the_trace_and_what_is_left_of_the_time(
    asking: BusSpecValidator, asked: list[tuple[AcceptSpec, Call]]
) -> None:
    """The backtest service knows for whom it works, and does nothing once nobody waits."""
    call = call_of(Principal(user_id=new_id()))
    with context.during(Handling(traceparent=call.traceparent)):
        await asking.validate(VALID, call)
    ((message, received),) = asked
    assert message.spec == VALID
    assert (received.principal, received.traceparent) == (call.principal, call.traceparent)
    assert time.time() < received.deadline < call.deadline


async def test_with_the_backtest_service_away_the_caller_hears_so_in_time(asking: BusSpecValidator) -> None:
    """Before the caller gives up, and as an error that invites another try: nothing was stored."""
    call = Call(new_id(), Principal(user_id=new_id()), time.time() + 0.5, "", "")
    with pytest.raises(Unavailable) as caught:
        await asking.validate(VALID, call)
    assert time.time() < call.deadline
    assert caught.value.retry_after is not None
