"""The libraries set up: who this process is, and a thread that sends spans in batches while nobody waits for it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased

from shared.runtime.release import release
from shared.runtime.tracing.sending import NOT_GIVEN
from shared.runtime.tracing.settings import TracingSettings

log = logging.getLogger(__name__)

LIMIT: Final = 128
"""Of attributes, events and links of a span, as the specification has it."""
GRPC_PORT: Final = 4317
OF_GRPC: Final = ". Port 4317 is mostly for gRPC, and OTLP over HTTP, which is spoken here, has 4318"


class SparingExporter(SpanExporter):
    """Tells once that the collector takes nothing, and once that it does again; what it did not take is lost.

    `hint` ends the first of these lines.
    """

    def __init__(self, exporter: SpanExporter, hint: str = "") -> None:
        self._exporter = exporter
        self._hint = hint
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
            log.warning("the collector takes no traces, which are dropped until it does: %s%s", trouble, self._hint)
        elif self._failing and not trouble:
            log.warning("the collector takes traces again")
        self._failing = bool(trouble)

    def shutdown(self) -> None:
        """Send nothing more, and try nothing again."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back here."""
        return self._exporter.force_flush(timeout_millis)


def provide(settings: TracingSettings, service: str, instance: str) -> TracerProvider:
    """Return what makes spans of this process and posts them to the collector."""
    provider = TracerProvider(
        sampler=_sampler(settings),
        resource=resource_of(service, instance),
        span_limits=_limits(settings),
        shutdown_on_exit=False,  # there is a stop of our own, and what others have registered for the end is not run
    )
    exporter = OTLPSpanExporter(
        endpoint=settings.traces_url(),
        certificate_file=settings.certificate() or None,
        client_certificate_file=settings.client_certificate() or None,
        client_key_file=settings.client_key() or None,
        timeout=settings.send_within(),
        compression=Compression(settings.compression()),
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            SparingExporter(exporter, "" if urlsplit(settings.traces_url()).port != GRPC_PORT else OF_GRPC),
            max_queue_size=settings.otel_bsp_max_queue_size,
            schedule_delay_millis=settings.otel_bsp_schedule_delay,
            max_export_batch_size=settings.batch_size(),
            export_timeout_millis=settings.send_within() * 1000,
        )
    )
    return provider


def _sampler(settings: TracingSettings) -> Sampler:
    roots: Mapping[str, Sampler] = {
        "always_on": ALWAYS_ON,
        "always_off": ALWAYS_OFF,
        "traceidratio": TraceIdRatioBased(settings.otel_traces_sampler_arg),
    }
    root = roots[settings.otel_traces_sampler.removeprefix("parentbased_")]
    return ParentBased(root) if settings.otel_traces_sampler.startswith("parentbased_") else root


def _limits(settings: TracingSettings) -> SpanLimits:
    count = settings.most_attributes()
    count, length = LIMIT if count == NOT_GIVEN else count, settings.longest_value()
    return SpanLimits(
        max_attributes=count,
        max_events=LIMIT,
        max_links=LIMIT,
        max_span_attributes=count,
        max_event_attributes=count,
        max_link_attributes=count,
        max_attribute_length=SpanLimits.UNSET if length == NOT_GIVEN else length,
        max_span_attribute_length=SpanLimits.UNSET if length == NOT_GIVEN else length,
    )


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
