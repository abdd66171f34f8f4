"""Checks: what one service alone asks, in nobody's name, on a stream where nobody can be named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.envelopes import RequestEnvelope
from shared.contracts.errors import Malformed, Unauthenticated
from shared.contracts.messages import CheckHealth, ListDeadLetters
from shared.contracts.streams import checks_of, dead_stream, rpc_stream
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import emptied, entries
from shared.runtime.tests.echo import Say, echo
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.test_server import request

pytestmark = pytest.mark.integration

CHECKS = rpc_stream(checks_of("echo"))
ADMIN = Principal(user_id="1", role="admin")
BODY = msgspec.json.encode(Say(text="x"))


class Whoami(Say, frozen=True, kw_only=True):
    """Answer with the caller's id."""

    METHOD = "echo.whoami"


async def whoami(_: Whoami, call: Call) -> Answer:
    """Answer at once. Raises Unauthenticated."""
    return Answer(call.user.user_id)


@asynccontextmanager
async def checked(bus_url: str) -> AsyncIterator[Caller]:
    """The service, which answers requests and checks, and a process of who checks it."""
    service, checker = Service("echo", Settings(bus_url=bus_url)), Service("checker", Settings(bus_url=bus_url))
    service.requests().handle(Say, echo)
    service.checks("checker").handle(Whoami, whoami)
    caller = checker.caller()
    async with service.running(), checker.running():
        yield caller


async def test_a_check_is_in_nobodys_name(bus_url: str, redis: Redis) -> None:
    """Whoever it says it is for; it is answered like a request, and leaves nothing on the bus."""
    async with checked(bus_url) as caller:
        for principal in (None, ADMIN):
            with pytest.raises(Unauthenticated):
                await caller.ask(Whoami(text=""), principal, service=checks_of("echo"))
        await eventually(lambda: emptied(redis, CHECKS, "echo"))


@pytest.mark.parametrize("message", [Say(text="x"), CheckHealth(), ListDeadLetters()])
async def test_what_is_answered_as_a_request_is_no_check(bus_url: str, message: Say | CheckHealth) -> None:
    """And a check is no request: each stream has its own methods."""
    async with checked(bus_url) as caller:
        with pytest.raises(Malformed, match="no method"):
            await caller.ask(message, ADMIN, service=checks_of("echo"))
        with pytest.raises(Malformed, match="no method"):
            await caller.ask(Whoami(text=""), ADMIN, service="echo")


@pytest.mark.parametrize(
    "stream", ["aurelius.events.echo", "aurelius.replies.gateway-1", "aurelius.replies.checkers-1"]
)
async def test_a_check_is_answered_to_who_checks_alone(bus_url: str, redis: Redis, stream: str) -> None:
    """What the service may write and the checker may not stays as it is; the check is put aside."""
    await redis.xadd(stream, {"n": "1"}, id="1-0")
    async with checked(bus_url):
        await put(redis, CHECKS, request(stream, method=Whoami.METHOD, body=BODY))
        await eventually(lambda: some_dead(redis, CHECKS))
    assert [entry.id for entry in await entries(redis, stream)] == [b"1-0"]


async def test_a_request_is_answered_on_a_stream_of_replies_alone(bus_url: str, redis: Redis) -> None:
    """An entry among the events, whose ids are sequences, would be the last: no lower id could follow it."""
    await redis.xadd("aurelius.events.echo", {"n": "1"}, id="1-0")
    async with checked(bus_url):
        await put(redis, rpc_stream("echo"), request("aurelius.events.echo", body=BODY))
        await eventually(lambda: some_dead(redis, rpc_stream("echo")))
    assert len(await entries(redis, "aurelius.events.echo")) == 1


async def put(redis: Redis, stream: str, sent: RequestEnvelope) -> None:
    """Put a request on the bus by hand."""
    await redis.xadd(stream, sent.to_entry())  # type: ignore[arg-type]  # the stubs ask for a wider dict


async def some_dead(redis: Redis, stream: str) -> bool:
    """Say whether one entry of a stream was put aside."""
    return await redis.xlen(dead_stream(stream)) == 1
