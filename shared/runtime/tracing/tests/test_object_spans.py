"""What is asked of the object store, as spans."""

from pathlib import Path

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from shared.contracts.errors import NotFound, Unavailable
from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tracing.tests.recording import FOREIGN, SPAN, Recorder, context_of, parent_of

HANDLED = Handling(traceparent=FOREIGN, tracestate="vendor=1")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def objects(tmp_path: Path, recorder: Recorder) -> Objects:
    """A folder."""
    made = Objects(tmp_path.as_uri())
    made.tracer = recorder.tracer
    return made


async def test_what_is_asked_for_a_request_is_in_its_trace(objects: Objects, recorder: Recorder) -> None:
    """By what is done and the kind of object, with its key; and never what is in it."""
    with context.during(HANDLED):
        await objects.put("results/1/equity", b"a secret text")
        await objects.get("results/1/equity")
        await objects.delete("results/1/equity")
        await objects.delete_all("results/1/")
    assert [span.name for span in recorder.spans] == ["put results", "get results", "delete results", "delete results"]
    for span in recorder.spans:
        assert (span.kind, parent_of(span), span.status.status_code) == (SpanKind.CLIENT, SPAN, StatusCode.UNSET)
        assert context_of(span).trace_state.to_header() == "vendor=1"
    assert recorder.spans[0].attributes == {
        "aurelius.object.operation": "put",
        "aurelius.object.key": "results/1/equity",
    }
    assert "a secret text" not in "".join(span.to_json() for span in recorder.spans)


async def test_what_is_asked_for_its_own_sake_is_in_none(objects: Objects, recorder: Recorder) -> None:
    """Retention looks through all there is, again and again."""
    await objects.put("uploads/1", b"x")
    await objects.get("uploads/1")
    assert recorder.spans == ()


async def test_a_store_that_fails_is_a_failure_and_a_missing_object_is_not(
    objects: Objects, recorder: Recorder, tmp_path: Path
) -> None:
    """What is not there was asked for wrongly, or is gone."""
    with context.during(HANDLED):
        with pytest.raises(NotFound):
            await objects.get("results/none")
        (tmp_path / "results").write_text("a file where a folder should be")
        with pytest.raises(Unavailable):
            await objects.put("results/1", b"x")
    missing, failed = recorder.spans
    assert missing.status.status_code is StatusCode.UNSET
    assert missing.attributes is not None
    assert missing.attributes["aurelius.outcome"] == "not-found"
    assert (failed.status.status_code, failed.attributes and failed.attributes["error.type"]) == (
        StatusCode.ERROR,
        "unavailable",
    )


async def test_a_service_has_its_store_traced(tmp_path: Path) -> None:
    """By the tracer that it has itself; without one nothing is made."""
    objects = Objects(tmp_path.as_uri())
    assert Service("echo", Settings(), objects=objects).tracer is objects.tracer is None
    traced = Service("echo", Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:1"), objects=objects)
    assert traced.tracer is not None
    assert objects.tracer is traced.tracer
    await traced.tracer.close(0.1)
