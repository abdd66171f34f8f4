"""Sending spans to a collector, which may be away, silent or rude."""

import threading
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from deploy.local.ports import free_ports
from shared.runtime.release import release
from shared.runtime.tests.eventually import eventually
from shared.runtime.tracing.exporting import SparingExporter, provide, resource_of
from shared.runtime.tracing.tests.receiver import receiver
from shared.runtime.tracing.tracer import Tracer
from tests.seconds import allowed

FOR_BATCHES = {"OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are sent soon, and given up soon."""
    for name, value in FOR_BATCHES.items():
        monkeypatch.setenv(name, value)


async def test_spans_arrive_and_say_who_made_them() -> None:
    """With the service, the process and the release they are of."""
    with receiver() as collector:
        tracer = Tracer(provide(f"{collector.url}/v1/traces", "strategy", "strategy-1"))
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


async def test_the_sampler_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A span that is not sampled is not sent, but its trace goes on under its id."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with receiver() as collector:
        tracer = Tracer(provide(f"{collector.url}/v1/traces", "s", "s-1"))
        root = tracer.start("root", "server", {})
        root.end()
        tracer.start("below a sampled one", "server", {}, parent=f"{root.traceparent[:-2]}01").end()
        await tracer.close(allowed(5))
        assert [span.name for span in collector.spans] == ["below a sampled one"]


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
    tracer = Tracer(provide(f"http://127.0.0.1:{port}/v1/traces", "s", "s-1"))

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
        tracer = Tracer(provide(f"{collector.url}/v1/traces", "s", "s-1"))
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


def test_what_an_exporter_raises_is_told_by_its_name_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may hold the headers that were to be sent."""
    exporter = SparingExporter(Rude())
    assert [exporter.export([]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    (line,) = [record.getMessage() for record in caplog.records]
    assert "RuntimeError" in line
    assert "hunter2" not in line
