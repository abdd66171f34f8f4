"""A tracer whose spans stay in memory."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from shared.runtime.tracing.exporting import resource_of
from shared.runtime.tracing.tracer import Tracer

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
FOREIGN = f"00-{TRACE}-{SPAN}-01"


class Recorder:
    """Keeps what its `tracer` makes, in the order in which it ends."""

    def __init__(self, sampler: sampling.Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(resource=resource_of("test", "test-1"), sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = Tracer(provider)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended."""
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        """Return the one of this name."""
        (found,) = (span for span in self.spans if span.name == name)
        return found


def context_of(span: ReadableSpan) -> SpanContext:
    """Return a span's own context."""
    context = span.get_span_context()
    assert context is not None
    return context


def traceparent_of(span: ReadableSpan) -> str:
    """Return how others name it."""
    context = context_of(span)
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parent_of(span: ReadableSpan) -> str:
    """Return the id of the span above it, empty for a root."""
    return "" if span.parent is None else f"{span.parent.span_id:016x}"


def links_of(span: ReadableSpan) -> list[str]:
    """Return the ids of the spans that it is linked to."""
    return [f"{link.context.span_id:016x}" for link in span.links]
