"""Requests as spans: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server

Of what a client sends the span holds its method, if that is one, and the path, without what looks like a secret in it.
Queries, bodies, headers and addresses of clients are in no span.
"""

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from faststream.asgi.types import Scope

from services.gateway.core.tracing import request_id
from services.gateway.notes import Ids
from shared.runtime.redaction import Redactor
from shared.runtime.tracing.bus_spans import REQUEST_ID

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Span, Tracer

UNKNOWN_METHOD = "_OTHER"
UNKNOWN_NAME = "HTTP"
LONGEST_PATH = 1000
"""Characters of a path that a span holds: thousands of spans wait to be sent, and each could be one of 64 kB."""


class RequestSpans:
    """Begins and ends the span of each request. `methods` are those that are known.

    With `untraced`, a request in whose path it is found has no span.
    """

    def __init__(self, tracer: "Tracer", methods: Iterable[str], untraced: re.Pattern[str] | None) -> None:
        self._tracer = tracer
        self._untraced = untraced
        self._methods = frozenset(methods)
        self._redact = Redactor()

    def leave_out(self, path: str) -> bool:
        """Say whether nobody wants to see such a request in a trace."""
        return self._untraced is not None and self._untraced.search(path) is not None

    def begin(self, scope: Scope, started: float) -> "tuple[Ids, Span]":
        """Return a request's ids, of which the trace context is its span's, and the span; `started` is perf_counter's.

        A `traceparent` that is none, or that came twice, is ignored, and the `tracestate` with it.
        """
        sent = _headers(scope, (b"x-request-id", b"traceparent", b"tracestate"))
        known = scope["method"] if scope["method"] in self._methods else ""
        rid = request_id(b",".join(sent[b"x-request-id"]))
        attributes = {
            "http.request.method": known or UNKNOWN_METHOD,
            "url.scheme": scope["scheme"],
            "url.path": self._redact(scope["path"][:LONGEST_PATH]),
            "network.protocol.version": scope["http_version"],
            REQUEST_ID: rid.decode(),
        }
        parents = sent[b"traceparent"]
        span = self._tracer.start(
            known or UNKNOWN_NAME,
            "server",
            attributes,
            parent=parents[0].decode("latin-1") if len(parents) == 1 else "",
            state=b",".join(sent[b"tracestate"]).decode("latin-1"),
            began=time.time_ns() - int((time.perf_counter() - started) * 1e9),
        )
        return (rid, span.traceparent.encode()), span

    def end(self, span: "Span", method: str, route: str, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """End it with what it was answered, and from which cache; a route that is none is empty."""
        if route:
            span.note("http.route", route)
            span.rename(f"{method if method in self._methods else UNKNOWN_NAME} {route}")
        span.note("http.response.status_code", status)
        for name, value in headers:
            if name == b"cache-status":
                span.note("http.response.header.cache-status", [value.decode("latin-1")])
        if status >= 500:
            span.fail(str(status))
        span.end()


def _headers(scope: Scope, names: tuple[bytes, ...]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {name: [] for name in names}
    for name, value in scope["headers"]:
        if name in found:
            found[name].append(value)
    return found
