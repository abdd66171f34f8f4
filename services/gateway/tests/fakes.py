"""Services that answer in memory, and a client of a gateway around them."""

import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import jwt
import msgspec

from services.gateway.app import api_routes, application
from services.gateway.auth import Authenticator
from services.gateway.coded import Coded
from services.gateway.edge import Edge
from services.gateway.hit_path import HitPath
from services.gateway.live import ProgressFeed
from services.gateway.read_path import Gateway
from services.gateway.settings import GatewaySettings
from shared.cache.local import LocalCache
from shared.cache.reading import CachedReads
from shared.cache.store import CacheStore
from shared.contracts.errors import NotFound
from shared.contracts.messages import Request
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Reply
from shared.runtime.bus.connection import make_broker
from shared.runtime.objects import Objects
from shared.runtime.timings import Timings
from shared.runtime.tokens import key_id

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Tracer

A = TypeVar("A")
SECRET = "0123456789abcdef" * 4
FAR = 4_000_000_000

Handler = Callable[[Any, Principal | None], tuple[object, dict[str, int]]]


class FakeServices:
    """Answers by method; every request asked is kept in `asked`."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.asked: list[Request[object]] = []
        self.keys: list[str] = []

    async def ask(
        self,
        message: Request[A],
        principal: Principal | None = None,
        *,
        seconds: float = 5.0,
        idempotency_key: str = "",
        service: str = "",
    ) -> Reply:
        """Answer as the service would, or raise what it would; what every service answers is `<service>/<method>`."""
        del seconds
        self.asked.append(message)
        self.keys.append(idempotency_key)
        handler = self.handlers.get(f"{service}/{message.METHOD}" if service else message.METHOD)
        if handler is None:
            raise NotFound(f"nobody answers {message.METHOD}")
        value, versions = handler(message, principal)
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        return Reply(body, versions, 0.0)


def token_of(
    user_id: str, *, secret: str = SECRET, kid: str | None = None, expires: int = FAR, role: str = "user"
) -> dict[str, str]:
    """Return the header of a logged-in user."""
    claims = {"sub": user_id, "role": role, "sid": "s1", "iat": 1, "exp": expires}
    token = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid or key_id(secret)})
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def edge_of(
    services: FakeServices,
    cache: CacheStore,
    folder: Path,
    *,
    max_upload_bytes: int = 10_000_000,
    local: LocalCache | None = None,
    timings: Timings | None = None,
    tracer: "Tracer | None" = None,
    untraced: re.Pattern[str] | None = None,
    level: int = logging.DEBUG,
) -> AsyncIterator[tuple[Any, Gateway]]:
    """Lend the ASGI application of a gateway that asks `services` and reads `local` and `cache`, and its Gateway."""
    settings = GatewaySettings(secret_key=SECRET, data_dir=folder, max_upload_bytes=max_upload_bytes)
    reads = CachedReads(cache, local, clock=time.perf_counter)
    idle = _IDLE.setdefault(max_upload_bytes, [])
    routed = idle.pop() if idle else _Routed(settings, services, reads)
    routed.begin(settings, services, reads)
    coded = Coded(routed.litestar, settings.compression_minimum_size)  # type: ignore[arg-type]  # ASGI under two names
    timings = timings or Timings("gateway", "test")
    short = HitPath(reads, routed.authenticator, timings, settings.compression_minimum_size)
    yield Edge(coded, timings, short, tracer=tracer, untraced=untraced, level=level), routed.gateway
    await routed.gateway.settle()
    idle.append(routed)


class _Routed:
    """The routes, which take longer to make than most tests to run, and what they stand on, made anew for each test."""

    def __init__(self, settings: GatewaySettings, services: FakeServices, reads: CachedReads) -> None:
        self.gateway, self.authenticator = Gateway(services, reads), Authenticator(settings)
        self._objects = Objects(settings.objects_url())
        feed = ProgressFeed(make_broker("redis://127.0.0.1:1/0"))  # never started: nothing is waited for here
        routes = api_routes(self.gateway, feed, self._objects, settings, self.authenticator)
        self.litestar = application([routes], settings)

    def begin(self, settings: GatewaySettings, services: FakeServices, reads: CachedReads) -> None:
        """Forget what the test before had."""
        Gateway.__init__(self.gateway, services, reads)
        Authenticator.__init__(self.authenticator, settings)
        Objects.__init__(self._objects, settings.objects_url())


_IDLE: dict[int, list[_Routed]] = {}
"""Those that no test has at the moment, by how large an upload may be."""


@asynccontextmanager
async def client_of(
    services: FakeServices,
    cache: CacheStore,
    folder: Path,
    *,
    max_upload_bytes: int = 10_000_000,
    local: LocalCache | None = None,
    timings: Timings | None = None,
    tracer: "Tracer | None" = None,
    untraced: re.Pattern[str] | None = None,
    level: int = logging.DEBUG,
) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of a gateway that asks `services` and reads `local` and `cache`."""
    lent = edge_of(
        services, cache, folder,
        max_upload_bytes=max_upload_bytes, local=local, timings=timings, tracer=tracer, untraced=untraced, level=level,
    )  # fmt: skip
    async with lent as (edge, gateway):

        async def settle(_: httpx.Response) -> None:
            # A reader does not wait for its fill; a test must, to know what the next read finds.
            await gateway.settle()

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=edge), base_url="http://gateway", event_hooks={"response": [settle]}
        ) as client:
            yield client
