"""Spans, and how they hang together: by the text of W3C Trace Context that requests, events and jobs carry anyway."""

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as LibrarySpan
from opentelemetry.trace.status import Status, StatusCode

from shared.contracts.trace_context import KNOWN_FLAGS, TRACEPARENT
from shared.runtime.release import release

Kind = Literal["server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool]

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_TRACEPARENT = re.compile(TRACEPARENT)
STATE_LENGTH: Final = 512
"""Of a tracestate: what is longer need not be passed on, and is not."""


class Span:
    """One piece of work. `traceparent` and `tracestate` are what others hang theirs below it by."""

    __slots__ = ("_span", "traceparent", "tracestate")

    def __init__(self, span: LibrarySpan) -> None:
        context = span.get_span_context()
        self._span = span
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        self.tracestate = context.trace_state.to_header() if context.trace_state else ""

    def note(self, name: str, value: str | float | Sequence[str]) -> None:
        """Say something about it."""
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        """Name it by what was found out meanwhile."""
        self._span.update_name(name)

    def fail(self, error_type: str) -> None:
        """Say that it failed, and as what: a word of few, never a message, which may hold what a user has written."""
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """It is done now."""
        self._span.end()


class Tracer:
    """Makes the spans of one process."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("aurelius", release())

    def start(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes,
        *,
        parent: str = "",
        state: str = "",
        link: str = "",
        began: int | None = None,
    ) -> Span:
        """Begin a span below `parent`, or a trace without one; `link` names another that it came of.

        Both are as `traceparent` headers say them, and nothing when they are not well formed; `state` is the
        `tracestate` beside `parent`. `began` is in Unix nanoseconds.
        """
        above, linked = _context_of(parent, state), _context_of(link, "")
        span = self._tracer.start_span(
            name,
            set_span_in_context(NonRecordingSpan(above), Context()) if above else Context(),
            _KINDS[kind],
            attributes,
            links=[Link(linked)] if linked else (),
            start_time=began,
        )
        return Span(span)

    def tell(self, name: str, kind: Kind, attributes: Attributes, *, parent: str, seconds: float, error: str) -> None:
        """Tell of what is done already, just now and after so many `seconds`; with `error` it failed."""
        now = time.time_ns()
        span = self.start(name, kind, attributes, parent=parent, began=now - int(seconds * 1e9))
        if error:
            span.fail(error)
        span.end()

    async def close(self, seconds: float) -> None:
        """Send what is left, for so long at most. A collector that does not answer is not waited for."""
        closed, loop = asyncio.Event(), asyncio.get_running_loop()

        def close() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(closed.set)

        # A thread that the end of the process does not wait for.
        threading.Thread(target=close, daemon=True, name="traces").start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await closed.wait()


def _context_of(traceparent: str, state: str) -> SpanContext | None:
    """Read a `traceparent` and its `tracestate`; None for one that is none."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    return SpanContext(
        int(found[1], 16),
        int(found[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(found[3], 16) & KNOWN_FLAGS),
        trace_state=TraceState.from_header([state]) if 0 < len(state) <= STATE_LENGTH else None,
    )
