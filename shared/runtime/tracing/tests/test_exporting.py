"""Sending spans to a collector, which may be away, silent or rude."""

import threading
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from deploy.local.ports import free_ports
from shared.runtime.environment import load
from shared.runtime.release import release
from shared.runtime.tests.eventually import eventually
from shared.runtime.tracing.exporting import SparingExporter, provide, resource_of
from shared.runtime.tracing.settings import TracingSettings
from shared.runtime.tracing.tests.receiver import receiver
from shared.runtime.tracing.tracer import Tracer
from tests.seconds import allowed


def settings_for(url: str, **environ: str) -> TracingSettings:
    """Return what has spans sent to `url`: batches soon, and given up soon."""
    impatient = {"OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000"}
    return load(TracingSettings, {**impatient, "OTEL_EXPORTER_OTLP_ENDPOINT": url, **environ})


async def test_spans_arrive_and_say_who_made_them() -> None:
    """With the service, the process and the release they are of."""
    with receiver() as collector:
        tracer = Tracer(provide(settings_for(collector.url), "strategy", "strategy-1"))
        tracer.start("work", "server", {"n": 1}).end()
        await tracer.close(allowed(5))
        (span,) = collector.spans
    assert (span.name, span.kind, span.attributes, span.failed) == ("work", "server", {"n": 1}, False)
    assert span.resource.items() >= {
        ("service.namespace", "aurelius"),
        ("service.name", "strategy"),
        ("service.instance.id", "strategy-1"),
        ("service.version", release()),
        ("telemetry.sdk.name", "opentelemetry"),
    }


def test_the_environment_has_the_last_word_on_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME before OTEL_RESOURCE_ATTRIBUTES before ours."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=b,service.namespace=mine,stage=x")
    named = resource_of("strategy", "strategy-1").attributes
    assert (named["service.name"], named["service.namespace"]) == ("b", "mine")
    assert (named["stage"], named["service.instance.id"]) == ("x", "strategy-1")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "a")
    assert resource_of("strategy", "strategy-1").attributes["service.name"] == "a"


@pytest.mark.parametrize(
    ("sampler", "rate", "sent"),
    [
        ("parentbased_traceidratio", "0", {"below a sampled one"}),
        (" ParentBased_Always_Off ", "", {"below a sampled one"}),
        ("parentbased_always_on", "", {"root", "below a sampled one"}),
        ("", "", {"root", "below a sampled one"}),
        ("traceidratio", "0", set()),
        ("traceidratio", "1", {"root", "below a sampled one", "below another"}),
        ("always_on", "", {"root", "below a sampled one", "below another"}),
        ("always_off", "", set()),
    ],
)
async def test_the_sampler_is_the_environments(sampler: str, rate: str, sent: set[str]) -> None:
    """A span that is not sampled is not sent, but its trace goes on under its id."""
    said = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": rate}
    with receiver() as collector:
        tracer = Tracer(provide(settings_for(collector.url, **said), "s", "s-1"))
        root = tracer.start("root", "server", {})
        root.end()
        tracer.start("below a sampled one", "server", {}, parent=f"{root.traceparent[:-2]}01").end()
        tracer.start("below another", "server", {}, parent=f"{root.traceparent[:-2]}00").end()
        await tracer.close(allowed(5))
        assert {span.name for span in collector.spans} == sent


async def test_how_much_is_sent_is_the_environments() -> None:
    """In batches of so many, compressed, with values of so many characters and no more of them than said."""
    said = {
        "OTEL_BSP_SCHEDULE_DELAY": "60000",
        "OTEL_BSP_MAX_QUEUE_SIZE": "6",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "2",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a b, x-other=%2C",
    }
    with receiver() as collector, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_HEADERS", said["OTEL_EXPORTER_OTLP_HEADERS"])
        tracer = Tracer(provide(settings_for(collector.url, **said), "s", "s-1"))
        for _ in range(6):
            tracer.start("work", "server", {"a": "long", "b": "long", "c": "long"}).end()
        await eventually(lambda: _is(len(collector.spans), 6))
        await tracer.close(allowed(5))
    assert {tuple(span.attributes.values()) for span in collector.spans} == {("lon", "lon")}
    for headers in collector.headers:
        assert (headers["content-encoding"], headers["x-key"], headers["x-other"]) == ("gzip", "a b", ",")


async def test_a_dead_collector_is_told_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is away, and once more when it is back; who makes spans meanwhile notices nothing."""
    results: list[SpanExportResult] = []
    export = SparingExporter.export

    def noted(exporter: SparingExporter, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        results.append(export(exporter, spans))
        return results[-1]

    monkeypatch.setattr(SparingExporter, "export", noted)
    (port,) = free_ports(1, "127.0.0.1")
    tracer = Tracer(provide(settings_for(f"http://127.0.0.1:{port}"), "s", "s-1"))

    def told(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records if record.name.startswith("shared."))

    async def gave_up() -> bool:
        tracer.start("lost", "server", {}).end()
        return len(results) >= 3

    await eventually(gave_up, within=30)
    assert set(results) == {SpanExportResult.FAILURE}
    assert told("the collector takes no traces") == 1
    with receiver(port) as collector:

        async def arrived() -> bool:
            tracer.start("found", "server", {}).end()
            return bool(collector.spans)

        await eventually(arrived, within=30)
        await eventually(lambda: _is(told("the collector takes traces again"), 1))
        await tracer.close(allowed(5))
    assert told("the collector takes no traces") == 1


async def _is(one: int, other: int) -> bool:
    return one == other


async def test_a_silent_collector_holds_up_neither_work_nor_stop() -> None:
    """It takes the connection and answers nothing: spans go on to be made, and the stop waits as long as it says."""
    with receiver() as collector:
        collector.hanging = threading.Event()
        tracer = Tracer(provide(settings_for(collector.url), "s", "s-1"))
        began = time.monotonic()
        for _ in range(5000):  # more than the queue holds
            tracer.start("work", "server", {}).end()
        making = time.monotonic() - began
        began = time.monotonic()
        await tracer.close(0.2)
        stopping = time.monotonic() - began
    assert making < allowed(5)
    assert 0.2 <= stopping < allowed(1)


class Rude(SpanExporter):
    """Raises what no exporter should."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Fail."""
        raise RuntimeError("token=hunter2")


async def test_who_has_named_the_port_of_another_protocol_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The mistake that is made most: spans would go nowhere, and nothing would say why."""
    for port in (4317, 1):
        tracer = Tracer(provide(settings_for(f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="100"), "s", "s-1"))
        tracer.start("lost", "server", {}).end()
        await tracer.close(allowed(5))
    told = [record.getMessage() for record in caplog.records if record.name.startswith("shared.")]
    assert ["has 4318" in each for each in told] == [True, False]


def test_what_an_exporter_raises_is_told_by_its_name_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may hold the headers that were to be sent."""
    exporter = SparingExporter(Rude())
    assert [exporter.export([]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    (line,) = [record.getMessage() for record in caplog.records]
    assert "RuntimeError" in line
    assert "hunter2" not in line
