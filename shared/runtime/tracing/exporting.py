"""The libraries set up: who this process is, and a thread that sends spans in batches while nobody waits for it."""

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from shared.runtime.release import release

log = logging.getLogger(__name__)


class SparingExporter(SpanExporter):
    """Tells once that the collector takes nothing, and once that it does again; what it did not take is lost."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, in the thread of the sender."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # whatever it is: the next batch is tried too
            self._note(f"it failed with {type(error).__name__}")
            return SpanExportResult.FAILURE
        self._note("" if result is SpanExportResult.SUCCESS else "it does not answer, or refuses them")
        return result

    def _note(self, trouble: str) -> None:
        if trouble and not self._failing:
            log.warning("the collector takes no traces, which are dropped until it does: %s", trouble)
        elif self._failing and not trouble:
            log.warning("the collector takes traces again")
        self._failing = bool(trouble)

    def shutdown(self) -> None:
        """Send nothing more, and try nothing again."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back here."""
        return self._exporter.force_flush(timeout_millis)


def provide(url: str, service: str, instance: str) -> TracerProvider:
    """Return what makes spans of this process and posts them to `url`; the sampler is as OTEL_TRACES_SAMPLER says."""
    # At its end the process does not run what others have registered for that, and there is a stop of our own.
    provider = TracerProvider(resource=resource_of(service, instance), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(SparingExporter(OTLPSpanExporter(endpoint=url))))
    return provider


def resource_of(service: str, instance: str) -> Resource:
    """Return who this process is; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.

    https://opentelemetry.io/docs/specs/semconv/resource/#service
    """
    ours = {
        "service.namespace": "aurelius",
        "service.name": service,
        "service.instance.id": instance,
        "service.version": release(),
    }
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
