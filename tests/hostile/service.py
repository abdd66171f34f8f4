"""The gateway around the handlers of the services in one process: what a request goes through but for the bus."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.specs import SpecHandlers, validate_spec
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.job_queue import JobQueue
from services.gateway.app import api_routes, application
from services.gateway.auth import Authenticator
from services.gateway.coded import Coded
from services.gateway.edge import Edge
from services.gateway.live import ProgressFeed
from services.gateway.read_path import Gateway
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET, token_of
from services.strategy.handlers import StrategyHandlers
from services.strategy.spec_validator import BusSpecValidator
from shared.cache.disabled import DisabledCacheStore
from shared.cache.reading import CachedReads
from shared.contracts import messages
from shared.contracts.errors import ErrorBody, InputError, Malformed, ServiceError
from shared.contracts.ids import new_id
from shared.contracts.request import Request
from shared.contracts.values import Principal, Strategy
from shared.runtime.bus.caller import DEFAULT_DEADLINE, Reply
from shared.runtime.bus.connection import make_broker
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from shared.runtime.timings import Timings
from tests.clock import FakeClock

A = TypeVar("A")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Said(NamedTuple):
    """An answer, and the CPU seconds it took all of this process."""

    status: int
    body: bytes
    cpu_seconds: float


class Direct:
    """Asks the handlers as the bus does: every message, answer and error travels as bytes."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[Any, Call], Awaitable[Answer]]] = {}

    async def call(
        self, message: Request[A], principal: Principal | None = None, *, seconds: float = DEFAULT_DEADLINE
    ) -> tuple[A, Reply]:
        """Ask and decode the answer. Raises ServiceError."""
        reply = await self.ask(message, principal, seconds=seconds)
        return msgspec.json.decode(reply.body, type=messages.answer_type(_base(message))), reply

    async def ask(
        self,
        message: Request[A],
        principal: Principal | None = None,
        *,
        seconds: float = DEFAULT_DEADLINE,
        idempotency_key: str = "",
        service: str = "",
    ) -> Reply:
        """Answer as RequestServer does. Raises ServiceError."""
        del service
        call = Call(new_id(), principal, time.time() + seconds, TRACEPARENT, idempotency_key)
        try:
            try:
                received = msgspec.json.decode(msgspec.json.encode(message), type=_base(message))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise Malformed("The request does not fit", errors=(InputError("", str(error)),)) from error
            answer = await self.handlers[message.METHOD](received, call)
        except ServiceError as error:
            wire = msgspec.json.encode(ErrorBody.of(error))
            raise msgspec.json.decode(wire, type=ErrorBody).to_exception() from error
        return Reply(msgspec.json.encode(answer.value), answer.versions, 0.0)


class _Strategies:
    async def read(self, strategy_id: str, version: int | None, call: Call) -> Strategy:
        raise AssertionError("every request here brings its own spec")


class Service:
    """A client of it all, logged in."""

    def __init__(self, edge: Edge, owner: str) -> None:
        self._edge = edge
        self._headers = [(name.lower().encode(), value.encode()) for name, value in token_of(owner).items()]

    async def post(self, path: str, body: bytes, media_type: str = "application/json") -> Said:
        """Send one request."""
        sent: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:  # any ASGI event
            sent.append(message)

        headers = [
            *self._headers,
            (b"content-type", media_type.encode("latin-1")),
            (b"content-length", b"%d" % len(body)),
        ]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": f"/api/v1{path}", "raw_path": f"/api/v1{path}".encode(), "root_path": "", "query_string": b"",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {}, "extensions": {},
        }  # fmt: skip
        before = time.process_time()
        await self._edge(scope, receive, send)
        spent = time.process_time() - before
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Said(sent[0]["status"], content, spent)


@asynccontextmanager
async def service(strategy: Database, backtest: Database, owner: str, folder: Path) -> AsyncIterator[Service]:
    """Lend the whole, for one account."""
    direct, clock = Direct(), FakeClock()
    queue = JobQueue(clock)
    validator = BusSpecValidator(direct)  # type: ignore[arg-type]  # it asks as a Caller does
    direct.handlers = {
        messages.ValidateSpec.METHOD: validate_spec,
        messages.AcceptSpec.METHOD: SpecHandlers(backtest, clock, queue).accept,
        messages.CreateStrategy.METHOD: StrategyHandlers(strategy, clock, validator).create,
        messages.CreateBacktest.METHOD: BacktestHandlers(backtest, clock, queue, _Strategies()).create,
        messages.CreateSweep.METHOD: SweepHandlers(backtest, clock, queue, _Strategies()).create,
    }
    settings = GatewaySettings(secret_key=SECRET, data_dir=folder)
    gateway = Gateway(direct, CachedReads(DisabledCacheStore()))
    feed = ProgressFeed(make_broker("redis://127.0.0.1:1/0"))  # never started: nothing is waited for here
    routes = api_routes(gateway, feed, Objects(settings.objects_url()), settings, Authenticator(settings))
    litestar = application([routes], settings)
    coded = Coded(litestar, settings.compression_minimum_size)  # type: ignore[arg-type]  # ASGI under two names
    yield Service(Edge(coded, Timings("gateway", "test")), owner)
    await gateway.settle()


def _base(message: Request[Any]) -> type[Request[Any]]:
    """The message as its service knows it: a route's own class refuses unknown fields and is otherwise the same."""
    return next(known for known in messages.REQUESTS if known.METHOD == message.METHOD)
