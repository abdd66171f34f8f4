"""The HTTP interface of a service that has no other: its health and what it reads, for whoever runs the process."""

from collections.abc import Callable

import msgspec
from faststream.asgi import AsgiResponse
from faststream.asgi.types import Receive, Scope, Send

from shared.runtime.health import Health

_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


class HealthRoutes:
    """An ASGI application: /health/live, /health/ready and /asyncapi.json.

    Liveness asks nobody: a restart of this process would mend no dependency of it.
    """

    def __init__(self, health: Health, asyncapi: Callable[[], bytes]) -> None:
        self._health = health
        self._asyncapi = asyncapi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> AsgiResponse:
        if scope["method"] not in ("GET", "HEAD"):
            return _json({"status": "method not allowed"}, 405)
        if scope["path"] == "/health/live":
            return _json({"status": "ok"}, 200)
        if scope["path"] == "/health/ready":
            readiness = await self._health.ready()
            return _json(readiness, 200 if readiness.status == "ok" else 503)
        if scope["path"] == "/asyncapi.json":
            return AsgiResponse(self._asyncapi(), 200, headers=_HEADERS)
        return _json({"status": "not found"}, 404)


def _json(value: object, status: int) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(value), status, headers=_HEADERS)
