"""The outermost layer of every request: ids, timing headers, HEAD, and the count that metrics are made of."""

import logging
import time
from typing import Any

from faststream.asgi.types import ASGIApp, Receive, Scope, Send

from services.gateway.core.tracing import request_id, traceparent
from services.gateway.notes import Notes, attach
from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

UNMATCHED = "unmatched"
# What a 304 must not say, since it would speak of a body that is not there (RFC 9110, section 15.4.5).
_OF_THE_BODY = frozenset({b"content-length", b"content-type"})
# A client may send any word as its method; what it sends must not become a label without end.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """Wraps the application. `X-Process-Time` is seconds in this process, from the first byte in to the first out."""

    def __init__(self, application: ASGIApp, timings: Timings) -> None:
        self._application = application
        self._timings = timings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through with its notes attached; anything but HTTP passes as it is."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        notes = Notes(
            request_id(headers.get(b"x-request-id", b"").decode("latin-1")),
            traceparent(headers.get(b"traceparent", b"").decode("latin-1")),
        )
        # The server gives each request a task of its own.
        context.begin(Handling(notes.request_id, notes.traceparent))
        method = scope["method"]
        # Litestar's router works on this very mapping, so that the matched template is found in it afterwards.
        inner: dict[str, Any] = {**scope, "method": "GET" if method == "HEAD" else method}
        attach(inner, notes)
        status = 500

        async def send_marked(message: Any) -> None:  # noqa: ANN401  # any ASGI event
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                kept = [header for header in message["headers"] if status != 304 or header[0] not in _OF_THE_BODY]
                message["headers"] = [*kept, *_marks(notes, time.perf_counter() - started)]
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._application(inner, receive, send_marked)
        finally:
            seconds, route = time.perf_counter() - started, inner.get("path_template") or UNMATCHED
            counted = method if method in METHODS else "other"
            self._timings.observe_http(seconds, method=counted, route=route, status=str(status))
            # The template, not the path: what a client wrote into it, or behind it, is none of the log's business.
            log.debug("%s %s answered %d after %.1f ms", counted, route, status, seconds * 1000)


def _marks(notes: Notes, seconds: float) -> list[tuple[bytes, bytes]]:
    stages = "".join(f"{name};dur={spent * 1000:.3f}, " for name, spent in notes.stages.items())
    return [
        (b"x-request-id", notes.request_id.encode()),
        (b"traceparent", notes.traceparent.encode()),
        (b"x-process-time", f"{seconds:.6f}".encode()),
        (b"server-timing", f"{stages}total;dur={seconds * 1000:.3f}".encode()),
    ]
