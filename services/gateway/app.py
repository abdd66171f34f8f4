"""The gateway's composition: one place where everything is made and wired."""

import logging
import time
from collections.abc import Sequence
from typing import Any, cast

from faststream.asgi.types import ASGIApp
from litestar import Litestar, Request, Router
from litestar.config.cors import CORSConfig
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from services.gateway import openapi_headers
from services.gateway.auth import Authenticator
from services.gateway.cache_counters import local_counters
from services.gateway.cache_probes import CacheProbes
from services.gateway.coded import Coded
from services.gateway.core.idempotency import REPLAYED
from services.gateway.edge import Edge
from services.gateway.guards import guard, known_query
from services.gateway.hit_path import HitPath
from services.gateway.live import ProgressFeed
from services.gateway.problems import handle
from services.gateway.read_path import TOKEN, Gateway, readable_token
from services.gateway.routes.accounts import account_routes
from services.gateway.routes.administration import administration_routes
from services.gateway.routes.backtests import backtest_routes
from services.gateway.routes.datasets import dataset_routes
from services.gateway.routes.endings import ending_routes
from services.gateway.routes.indicators import indicator_routes
from services.gateway.routes.results import result_routes
from services.gateway.routes.sessions import session_routes
from services.gateway.routes.strategies import strategy_routes
from services.gateway.routes.strategy_versions import strategy_version_routes
from services.gateway.routes.sweep_results import sweep_result_routes
from services.gateway.routes.sweeps import sweep_routes
from services.gateway.routes.system import system_routes
from services.gateway.routes.users import user_routes
from services.gateway.settings import GatewaySettings
from services.gateway.shedding import Shedding
from services.gateway.system_health import SystemHealth
from shared.cache.connect import connect
from shared.cache.connection import make_pool
from shared.cache.counters import counters_of
from shared.cache.feed import Feed
from shared.cache.local import LocalCache
from shared.cache.reading import CachedReads
from shared.cache.settings import CacheSettings
from shared.contracts.objects import STRICT
from shared.runtime.objects import Objects
from shared.runtime.release import release
from shared.runtime.service import Service

LINGER_SECONDS = 1.0
"""Whoever uses no connection that was idle for as long never has it closed under a request."""


def compose(settings: GatewaySettings) -> Service:
    """Return the service with its HTTP application, wired. Raises SettingsError for an object store that cannot be."""
    objects = Objects(settings.objects_url())
    service = Service("gateway", settings, objects=objects)
    cache_settings = CacheSettings.of(settings)
    cache = connect(cache_settings)
    reads = CachedReads(cache, _local(service, settings, cache_settings), cache_settings, clock=time.perf_counter)
    authenticator = Authenticator(settings)
    caller = service.caller()
    feed = ProgressFeed(service.broker)
    service.watch(feed.subscriber)
    service.timings.counters_from(lambda: [*counters_of(cache.stats), *local_counters(reads.local)])
    gateway = Gateway(Shedding(caller), reads)
    if settings.redis_enabled:
        probes = CacheProbes(
            service.broker, service.writer, service.instance, reads.local, time.perf_counter, gateway.recipes
        )
        service.background(probes.run)
    system = SystemHealth(release(), service.check_bus, cache, caller, cache_enabled=settings.redis_enabled)
    service.stopping(gateway.settle)
    service.closing(cache.close)
    routes = [
        system_routes(gateway, system, service.health, measures=settings.metrics_enabled),
        api_routes(gateway, feed, objects, settings, authenticator),
    ]
    coded = Coded(cast("ASGIApp", application(routes, settings)), settings.compression_minimum_size)
    short = HitPath(reads, authenticator, service.timings, settings.compression_minimum_size)
    service.linger = LINGER_SECONDS
    level = logging.INFO if settings.log_requests else logging.DEBUG
    service.http = Edge(coded, service.timings, short, tracer=service.tracer, untraced=settings.untraced(), level=level)
    return service


def _local(service: Service, settings: GatewaySettings, cache: CacheSettings) -> LocalCache:
    """Return this process's own cache, which holds something only while it hears the cache server's feed."""
    capacity = settings.own_cache_bytes() if cache.enabled else 0
    local = LocalCache(capacity, strict=STRICT)
    if capacity:
        feed = Feed(make_pool(cache), local, settings.cache_l1_seconds, time.perf_counter)
        service.background(feed.run)
        service.timings.gauge("cache_l1_feed_age_seconds", lambda: feed.age)
        service.timings.gauge("cache_l1_bytes", lambda: local.size)
    return local


def api_routes(
    gateway: Gateway, feed: ProgressFeed, objects: Objects, settings: GatewaySettings, authenticator: Authenticator
) -> Router:
    """Return everything under /api/v1: accounts open to all, the rest to who is logged in."""
    own = Router(
        "/",
        route_handlers=[
            session_routes(gateway),
            user_routes(gateway),
            strategy_routes(gateway),
            strategy_version_routes(gateway),
            indicator_routes(gateway),
            dataset_routes(gateway, objects, settings.max_upload_bytes),
            backtest_routes(gateway, feed),
            ending_routes(gateway, feed),
            sweep_routes(gateway, feed),
            sweep_result_routes(gateway, objects),
            result_routes(gateway, objects),
            administration_routes(gateway),
        ],
        guards=[guard(authenticator.check, readable_token, known_query)],
        security=[{"bearer": []}],
    )
    return Router("/api/v1", route_handlers=[account_routes(gateway), own])


def application(routes: Sequence[Router], settings: GatewaySettings) -> Litestar:
    """Return the Litestar application around `routes`."""
    return Litestar(
        routes,
        exception_handlers={Exception: handle},
        request_max_body_size=settings.max_json_bytes,
        cors_config=_cors(settings.origins()),
        openapi_config=_openapi(),
        logging_config=None,
    )


def _cors(origins: list[str]) -> CORSConfig | None:
    if not origins:
        return None
    exposed = ["ETag", "Location", "Link", TOKEN, "Cache-Status", "Retry-After", "X-Request-ID", REPLAYED]
    return CORSConfig(allow_origins=origins, allow_credentials=True, expose_headers=exposed)


_DESCRIPTION = """\
Errors are `application/problem+json` (RFC 9457). Log in and send `Authorization: Bearer <access_token>`.
A write answers a `Consistency-Token`; a read that sends it never sees older data. `Cache-Control: no-cache` on a read
goes past the cache; `Cache-Status` (RFC 9211) says where an answer came from. Single resources and pages carry a strong
`ETag`: `If-None-Match` gives 304, an `If-Match` that does not name it 412, on a change when stale. Lists are paged by
`cursor`. Conditions with a date are ignored: nothing has a `Last-Modified`.
Larger answers are sent in the content coding that `Accept-Encoding` prefers (zstd, br, gzip). The `ETag` then ends with
it, which conditions ignore. Who refuses these and `identity` gets 406. The body of a request is sent without a coding.
`Prefer: wait=N` (N <= 30) on a backtest or a sweep answers with the finished one when it finishes in time.
A POST that creates may carry an `Idempotency-Key`: repeated with it, it is answered as before and done once.
"""


class _Document(JsonRenderPlugin):
    """The document, with what its framework lets no handler say."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return it as JSON."""
        openapi_headers.complete(openapi_schema)
        return super().render(request, openapi_schema)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="AURELIUS",
        version=release(),
        description=_DESCRIPTION,
        # Under "/" Litestar would answer every unknown path with a page of its own instead of a problem document.
        path="/openapi.json",
        render_plugins=[_Document(path="/")],
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
    )
