"""Requests as spans, and as lines of the log: one of each, whichever way the answer comes."""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from services.gateway.request_spans import LONGEST_PATH
from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.cache.local import LocalCache
from shared.contracts.errors import Unavailable
from shared.contracts.ids import new_id
from shared.contracts.objects import strategy_object
from shared.contracts.values import Principal
from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.tracing.settings import TracingSettings
from shared.runtime.tracing.tests.recording import FOREIGN, SPAN, TRACE, Recorder, context_of, parent_of, traceparent_of

ALICE, ID = new_id(), new_id()
PATH = f"/api/v1/strategies/{ID}"
ROUTE = "/api/v1/strategies/{strategy_id}"
FAR = 1e12


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def services() -> FakeServices:
    """One strategy, of Alice's."""
    fake = FakeServices()
    fake.handlers["strategy.read"] = lambda _, __: ({"id": ID, "name": "x" * 2000}, {strategy_object(ID): 1})
    return fake


@asynccontextmanager
async def gateway(
    services: FakeServices,
    folder: Path,
    recorder: Recorder | None = None,
    level: int = logging.DEBUG,
    untraced: re.Pattern[str] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that holds what it has read."""
    local = LocalCache(1_000_000)
    local.opened()
    local.fresh_until = FAR
    tracer = None if recorder is None else recorder.tracer
    async with client_of(
        services, FakeCacheStore(), folder, local=local, tracer=tracer, untraced=untraced, level=level
    ) as client:
        yield client


def said(span: ReadableSpan) -> Mapping[str, object]:
    """Return what a span says."""
    assert span.attributes is not None
    return span.attributes


async def test_a_request_is_a_span_by_its_route(services: FakeServices, tmp_path: Path, recorder: Recorder) -> None:
    """On the long way and on the short one alike; it is what the answer's `traceparent` names."""
    async with gateway(services, tmp_path, recorder) as client:
        answers = [await client.get(PATH, headers=token_of(ALICE)) for _ in range(3)]
    assert [answer.headers["cache-status"].partition(";")[0] for answer in answers][-1] == "aurelius-l1"
    assert len(recorder.spans) == 3
    for span, answer in zip(recorder.spans, answers, strict=True):
        assert (span.name, span.kind, span.status.status_code) == (f"GET {ROUTE}", SpanKind.SERVER, StatusCode.UNSET)
        assert said(span) == {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": PATH,
            "network.protocol.version": "1.1",
            "http.route": ROUTE,
            "http.response.status_code": answer.status_code,
            "aurelius.request_id": answer.headers["x-request-id"],
            "http.response.header.cache-status": (answer.headers["cache-status"],),
        }
        assert traceparent_of(span) == answer.headers["traceparent"]
        assert parent_of(span) == ""
    assert len({context_of(span).trace_id for span in recorder.spans}) == 3


async def test_a_clients_trace_is_gone_on_with(services: FakeServices, tmp_path: Path, recorder: Recorder) -> None:
    """With its state, which services are told; one that is none, or came twice, is left alone."""
    handled: list[Handling] = []

    def answer(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        handled.append(context.current())
        return {"items": []}, {}

    services.handlers["strategy.list"] = answer
    given = {**token_of(ALICE), "traceparent": FOREIGN, "tracestate": "vendor=1"}
    async with gateway(services, tmp_path, recorder) as client:
        await client.get("/api/v1/strategies", headers=given)
        await client.get("/api/v1/strategies", headers={**given, "traceparent": "00-none", "cache-control": "no-cache"})
        twice = [*given.items(), ("traceparent", FOREIGN), ("cache-control", "no-cache")]
        await client.get("/api/v1/strategies", headers=twice)
    first, *others = recorder.spans
    assert (f"{context_of(first).trace_id:032x}", parent_of(first)) == (TRACE, SPAN)
    assert (handled[0].traceparent, handled[0].tracestate) == (traceparent_of(first), "vendor=1")
    assert [parent_of(span) for span in others] == ["", ""]
    assert [each.tracestate for each in handled[1:]] == ["", ""]
    assert TRACE not in {f"{context_of(span).trace_id:032x}" for span in others}


async def test_without_traces_too_a_trace_that_came_twice_is_none(services: FakeServices, tmp_path: Path) -> None:
    """As with them: nobody knows which one holds."""
    twice = [*token_of(ALICE).items(), ("traceparent", FOREIGN), ("traceparent", FOREIGN)]
    async with gateway(services, tmp_path) as client:
        answers = [await client.get(PATH, headers=each) for each in (twice[:-1], twice)]
    assert [answer.headers["traceparent"][3:35] == TRACE for answer in answers] == [True, False]


async def test_a_failure_of_ours_is_one_of_the_span(services: FakeServices, tmp_path: Path, recorder: Recorder) -> None:
    """A refusal is not."""

    def away(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Unavailable("away")

    services.handlers["strategy.list"] = away
    async with gateway(services, tmp_path, recorder) as client:
        await client.get("/api/v1/strategies", headers=token_of(ALICE))
        await client.get("/api/v1/strategies")
    failed, refused = recorder.spans
    assert (failed.status.status_code, said(failed)["error.type"]) == (StatusCode.ERROR, "503")
    assert (refused.status.status_code, said(refused)["http.response.status_code"]) == (StatusCode.UNSET, 401)
    assert "error.type" not in said(refused)


async def test_what_a_client_may_write_names_no_span(
    services: FakeServices, tmp_path: Path, recorder: Recorder
) -> None:
    """Neither a method of its own nor a path that there is not; HEAD is what was asked."""
    token = token_of(ALICE)["Authorization"].removeprefix("Bearer ")
    async with gateway(services, tmp_path, recorder) as client:
        await client.request("BREW", "/api/v1/strategies")
        await client.get(f"/nowhere/{token}", params={"token": token}, headers={"Cookie": f"session={token}"})
        await client.head(PATH, headers=token_of(ALICE))
        await client.get("/api/v1/strategies", params={"q": token}, headers=token_of(ALICE))
    brewed, nowhere, head, searched = recorder.spans
    assert (brewed.name.partition(" ")[0], said(brewed)["http.request.method"]) == ("HTTP", "_OTHER")
    assert nowhere.name == "GET"
    assert "http.route" not in said(nowhere)
    assert (head.name, said(head)["http.request.method"]) == (f"HEAD {ROUTE}", "HEAD")
    assert said(searched)["url.path"] == "/api/v1/strategies"
    assert token not in "".join(span.to_json() for span in recorder.spans)


async def test_a_path_without_end_is_cut(services: FakeServices, tmp_path: Path, recorder: Recorder) -> None:
    """Thousands of spans wait to be sent, and whoever is not logged in may write what he likes into each."""
    async with gateway(services, tmp_path, recorder) as client:
        await client.get("/" + "token-" * 10_000)
    (span,) = recorder.spans
    assert len(str(said(span)["url.path"])) == LONGEST_PATH


async def test_probes_are_in_no_trace(services: FakeServices, tmp_path: Path, recorder: Recorder) -> None:
    """Health and metrics, as the settings have it without a word; what only begins like them is."""
    async with gateway(services, tmp_path, recorder, untraced=TracingSettings().untraced()) as client:
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            answer = await client.get(path, headers={"traceparent": FOREIGN})
            assert answer.headers["traceparent"][3:35] == TRACE
        assert not recorder.spans
        for path in ("/healthy", "/metrics/of/mine", "/api/v1/health", "/api/v1/strategies"):
            await client.get(path)
    assert [said(span)["url.path"] for span in recorder.spans] == [
        "/healthy", "/metrics/of/mine", "/api/v1/health", "/api/v1/strategies",
    ]  # fmt: skip


async def test_what_is_done_for_one_that_is_left_out_is_left_out(
    services: FakeServices, tmp_path: Path, recorder: Recorder
) -> None:
    """On both ways: services get no context that they would go on with. Without traces they get the client's."""
    handled: list[str] = []

    def answer(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        handled.append(context.current().traceparent)
        return {"items": []}, {}

    services.handlers["strategy.list"] = answer
    given = {**token_of(ALICE), "traceparent": FOREIGN}
    left_out = re.compile("strategies")
    async with gateway(services, tmp_path, recorder, untraced=left_out) as client:
        paths = ("/api/v1/strategies", PATH, PATH, PATH, "/api/v1/backtests")
        answers = [await client.get(path, headers=given) for path in paths]
    assert answers[3].headers["cache-status"].startswith("aurelius-l1")
    assert handled == [""]
    assert [span.name for span in recorder.spans] == ["GET /api/v1/backtests"]
    async with gateway(services, tmp_path, untraced=left_out) as client:
        await client.get("/api/v1/strategies", headers=given)
    assert handled[-1][3:35] == TRACE


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what the gateway's own modules have written."""
    return [record for record in caplog.records if record.name.startswith("services.gateway")]


async def test_each_request_writes_one_line(
    services: FakeServices, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """On every way, with what machines want to count by; one that fails says in it why, and no second one."""

    def broken(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise RuntimeError("broken")

    def away(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Unavailable("The strategy service is away")

    services.handlers |= {"strategy.list": away, "backtest.list": broken}
    caplog.set_level(logging.INFO)
    async with gateway(services, tmp_path, level=logging.INFO) as client:
        for path in (PATH, PATH, PATH, "/api/v1/strategies", "/api/v1/backtests", "/nowhere"):
            await client.get(path, headers=token_of(ALICE))
        await client.post("/api/v1/strategies", headers={**token_of(ALICE), "Content-Type": "a/b; charset=no"})
    found = lines(caplog)
    assert [vars(line)["status"] for line in found][:6] == [200, 200, 200, 503, 500, 404]
    assert len(found) == 7
    assert [line.levelname for line in found][:6] == ["INFO", "INFO", "INFO", "WARNING", "ERROR", "INFO"]
    assert {vars(line)["route"] for line in found} >= {ROUTE, "unmatched"}
    assert all(0 < vars(line)["duration"] < 60 for line in found)
    assert "The strategy service is away" in found[3].getMessage()
    assert found[4].exc_info is not None
    assert found[4].exc_info[1] is not None
    assert str(found[4].exc_info[1]) == "broken"


async def test_unasked_only_failures_write_one(
    services: FakeServices, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A line costs as much as an answer from the process's own cache."""
    caplog.set_level(logging.INFO)
    async with gateway(services, tmp_path) as client:
        for _ in range(3):
            await client.get(PATH, headers=token_of(ALICE))
        await client.get("/api/v1/strategies", headers=token_of(ALICE))
    assert lines(caplog) == []
