"""Health, metrics and the contracts' documents. Open to everybody."""

import gzip
from typing import Any

import msgspec
from litestar import Request, Response, Router, get

from services.gateway.core.coded_headers import accept_encoding
from services.gateway.core.codings import choose
from services.gateway.core.exposition import wanted
from services.gateway.docs_page import PAGE
from services.gateway.guards import guard, known_query
from services.gateway.read_path import Gateway
from services.gateway.system_health import SystemHealth, SystemStatus
from shared.contracts import messages
from shared.contracts.asyncapi import document
from shared.contracts.errors import NotFound
from shared.runtime.health import Health, Readiness


def system_routes(gateway: Gateway, system: SystemHealth, health: Health, *, measures: bool = True) -> Router:
    """Return the routes outside /api/v1. One that does not measure shows no metrics: its own would be missing."""
    asyncapi = msgspec.json.encode(document())

    @get("/health", summary="How the whole system is; 503 when it is down")
    async def whole() -> Response[SystemStatus]:
        status = await system.status()
        return Response(status, status_code=503 if status.status == "down" else 200, headers=_FRESH)

    @get("/health/live", summary="Whether this process lives")
    async def live() -> Response[dict[str, str]]:
        return Response({"status": "ok"}, headers=_FRESH)

    @get("/health/ready", summary="Whether this process can serve; 503 when it cannot")
    async def ready() -> Response[Readiness]:
        readiness = await health.ready()
        return Response(readiness, status_code=200 if readiness.status == "ok" else 503, headers=_FRESH)

    @get("/metrics", summary="What was measured: Prometheus or OpenMetrics text, or JSON, by Accept")
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        if not measures:
            raise NotFound("This gateway measures nothing: its METRICS_ENABLED is false")
        form, media_type = wanted(", ".join(request.headers.getall("accept", [])))
        compressed = form != "json"
        reply = await gateway.ask(request, messages.RenderMetrics(form=form, compressed=compressed), None)
        headers = {**_FRESH, "Content-Type": media_type, "Vary": "Accept"}
        if not compressed:
            return Response(reply.body, headers=headers)
        # Prometheus asks for gzip, which is there already.
        if choose(accept_encoding(list(request.scope["headers"]))) == "gzip":
            return Response(
                reply.body, headers={**headers, "Content-Encoding": "gzip", "Vary": "Accept, Accept-Encoding"}
            )
        return Response(gzip.decompress(reply.body), headers=headers)

    @get("/asyncapi.json", summary="The streams and events, as AsyncAPI 3.0", include_in_schema=False)
    async def asyncapi_document() -> Response[bytes]:
        return Response(asyncapi, media_type="application/json")

    @get("/docs", include_in_schema=False)
    async def docs() -> Response[str]:
        return Response(PAGE, media_type="text/html")

    return Router(
        "/",
        route_handlers=[whole, live, ready, metrics, asyncapi_document, docs],
        guards=[guard(known_query)],
        tags=["System"],
    )


_FRESH = {"Cache-Control": "no-store"}
