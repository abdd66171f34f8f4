"""The outermost layer of every request: ids, timing headers, HEAD, its span and its line, the count for the metrics."""

import logging
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faststream.asgi.types import ASGIApp, Receive, Scope, Send

from services.gateway.core.tracing import request_id, traceparent
from services.gateway.hit_path import HitPath
from services.gateway.notes import Failure, Ids, LookedUp, Notes, attach
from services.gateway.request_spans import RequestSpans
from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.timings import Timings

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Span, Tracer

log = logging.getLogger(__name__)

UNMATCHED = "unmatched"
# What a 304 must not say, since it would speak of a body that is not there (RFC 9110, section 15.4.5).
_OF_THE_BODY = frozenset({b"content-length", b"content-type"})
# A client may send any word as its method; what it sends must not become a label without end.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """Wraps the application. `X-Process-Time` is seconds in this process, from the first byte in to the first out.

    With a `short` way, what the caches can answer does not reach the application. With a `tracer` each request is a
    span, unless `untraced` is found in its path. Each writes one line at `level`, or what is worse when it failed and
    that is our fault.
    """

    def __init__(
        self,
        application: ASGIApp,
        timings: Timings,
        short: HitPath | None = None,
        *,
        tracer: "Tracer | None" = None,
        untraced: re.Pattern[str] | None = None,
        level: int = logging.DEBUG,
    ) -> None:
        self._application = application
        self._timings = timings
        self._short = short
        self._spans = None if tracer is None else RequestSpans(tracer, METHODS, untraced)
        self._level = level

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it through with its notes attached; anything but HTTP passes as it is."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        short = self._short
        asked = None if short is None else short.recognise(scope, headers)
        if short is None or asked is None:
            await self._pass(scope, receive, send, headers, self._begin(scope, headers, started), started)
            return
        stages: Mapping[str, float] = {}
        answer = short.answer_at_once(asked, started)
        if answer is not None:
            ids, span = self._identify(scope, headers, started)
        else:
            notes = self._begin(scope, headers, started)
            found = await short.answer(asked, started, notes)
            if isinstance(found, LookedUp):
                notes.looked_up = found
                await self._pass(scope, receive, send, headers, notes, started)
                return
            answer, ids, stages, span = found, notes.ids, notes.stages, notes.span
        status, base, body, series = answer
        marks = _marks(ids, stages, time.perf_counter() - started)
        await send({"type": "http.response.start", "status": status, "headers": base + marks})
        await send({"type": "http.response.body", "body": body})
        seconds = time.perf_counter() - started
        self._timings.observe_in(series, seconds)
        if stages:
            self._timings.observe_stages(stages)
        if span is not None or log.isEnabledFor(self._level):
            context.begin(Handling(*(each.decode() for each in ids)))
            self._end(span, series.labels["method"], series.labels["route"], status, base, seconds)

    async def _pass(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[bytes, bytes],
        notes: Notes,
        started: float,
    ) -> None:
        method = scope["method"]
        # Litestar's router works on this very mapping, so that the matched template is found in it afterwards.
        inner: dict[str, Any] = {**scope, "method": "GET" if method == "HEAD" else method}
        notes.head = method == "HEAD"
        attach(inner, notes)
        status = 500
        answered: list[tuple[bytes, bytes]] = []

        async def send_marked(message: Any) -> None:  # noqa: ANN401  # any ASGI event
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], list(message["headers"])
                kept = [header for header in answered if status != 304 or header[0] not in _OF_THE_BODY]
                message["headers"] = [*kept, *_marks(notes.ids, notes.stages, time.perf_counter() - started)]
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._application(inner, receive, send_marked)
        finally:
            seconds, route = time.perf_counter() - started, inner.get("path_template") or UNMATCHED
            counted = method if method in METHODS else "other"
            self._timings.observe_http(seconds, method=counted, route=route, status=str(status))
            self._timings.observe_stages(notes.stages)
            self._end(notes.span, counted, route, status, answered, seconds, notes.failure)
        if self._short is not None and status == 200:
            self._short.learn(scope, headers, notes, route, answered)

    def _begin(self, scope: Scope, headers: Mapping[bytes, bytes], started: float) -> Notes:
        ids, span = self._identify(scope, headers, started)
        notes = Notes(ids, span)
        # What services do for a request that is left out is left out as well: without its context they make no span.
        told = notes.traceparent if self._spans is None or span is not None else ""
        # The server gives each request a task of its own.
        context.begin(Handling(notes.request_id, told, tracestate="" if span is None else span.tracestate))
        return notes

    def _identify(self, scope: Scope, headers: Mapping[bytes, bytes], started: float) -> "tuple[Ids, Span | None]":
        if self._spans is None or self._spans.leave_out(scope["path"]):
            return _ids(scope, headers), None
        return self._spans.begin(scope, started)

    def _end(
        self,
        span: "Span | None",
        method: str,
        route: str,
        status: int,
        headers: list[tuple[bytes, bytes]],
        seconds: float,
        failure: Failure | None = None,
    ) -> None:
        if self._spans is not None and span is not None:
            self._spans.end(span, method, "" if route == UNMATCHED else route, status, headers)
        level = self._level if failure is None else failure.level
        if log.isEnabledFor(level):
            # The template, not the path: what a client wrote into it, or behind it, is none of the log's business.
            text, told = "%s %s answered %d after %.1f ms", (method, route, status, seconds * 1000)
            about = {"route": route, "status": status, "duration": round(seconds, 6)}
            if failure is None:
                log.log(level, text, *told, extra=about)
            else:
                log.log(level, text + ": %s", *told, failure.detail, exc_info=failure.error, extra=about)


def _ids(scope: Scope, headers: Mapping[bytes, bytes]) -> Ids:
    parent = headers.get(b"traceparent", b"")
    if parent and sum(name == b"traceparent" for name, _ in scope["headers"]) > 1:  # nobody knows which one holds
        parent = b""
    return request_id(headers.get(b"x-request-id", b"")), traceparent(parent)


def _marks(ids: Ids, stages: Mapping[str, float], seconds: float) -> list[tuple[bytes, bytes]]:
    told = "".join(f"{name};dur={spent * 1000:.3f}, " for name, spent in stages.items()).encode() if stages else b""
    return [
        (b"x-request-id", ids[0]),
        (b"traceparent", ids[1]),
        (b"x-process-time", b"%.6f" % seconds),
        (b"server-timing", b"%stotal;dur=%.3f" % (told, seconds * 1000)),
    ]
