"""GET /metrics: in the form and the coding that were asked for, what the metrics service has rendered."""

import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from services.gateway.app import application
from services.gateway.coded import Coded
from services.gateway.edge import Edge
from services.gateway.read_path import Gateway
from services.gateway.routes.system import system_routes
from services.gateway.settings import GatewaySettings
from services.gateway.system_health import SystemHealth
from services.gateway.tests.fakes import SECRET, FakeServices
from shared.cache.fake import FakeCacheStore
from shared.cache.reading import CachedReads
from shared.contracts.messages import RenderMetrics
from shared.runtime.health import Health
from shared.runtime.timings import Timings

TEXT = "# HELP aurelius_up Whether it is up.\n# TYPE aurelius_up gauge\n" + "aurelius_up 1\n" * 200


async def well() -> None:
    """A bus that answers."""


@pytest.fixture
def services() -> FakeServices:
    """A metrics service that has one text, and says in JSON which form it was asked for."""
    services = FakeServices()

    def render(message: RenderMetrics, _: object) -> tuple[object, dict[str, int]]:
        if message.form == "json":
            return {"form": "json"}, {}
        return gzip.compress(TEXT.encode()) if message.compressed else TEXT.encode(), {}

    services.handlers[RenderMetrics.METHOD] = render
    return services


@pytest.fixture
async def client(services: FakeServices, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway's routes outside /api/v1, that says itself what it accepts."""
    async with asking(services, tmp_path, measures=True) as lent:
        yield lent


@asynccontextmanager
async def asking(services: FakeServices, tmp_path: Path, *, measures: bool) -> AsyncIterator[httpx.AsyncClient]:
    """The same of a gateway that measures, or does not."""
    settings = GatewaySettings(secret_key=SECRET, data_dir=tmp_path)
    gateway = Gateway(services, CachedReads(FakeCacheStore(), None, clock=time.perf_counter))
    system = SystemHealth("1", well, FakeCacheStore(), services, cache_enabled=False)  # type: ignore[arg-type]  # unasked
    litestar = application([system_routes(gateway, system, Health(), measures=measures)], settings)
    edge = Edge(Coded(litestar, 1000), Timings("gateway", "test"))  # type: ignore[arg-type]  # ASGI under two names
    transport = httpx.ASGITransport(app=edge)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers={"Accept-Encoding": ""}
    ) as lent:
        yield lent


@pytest.mark.parametrize("accepted", ["", "identity", "gzip", "br", "gzip;q=0.5, zstd;q=0"])
async def test_a_text_comes_in_the_coding_that_is_accepted(client: httpx.AsyncClient, accepted: str) -> None:
    """Whichever it is, it is the same text, and says that another client would have got another coding."""
    answer = await client.get("/metrics", headers={"Accept": "text/plain", "Accept-Encoding": accepted})
    assert answer.status_code == 200
    assert answer.text == TEXT
    assert answer.headers.get("content-encoding", "") in ("", accepted.partition(";")[0])
    assert ("content-encoding" in answer.headers) == (accepted not in ("", "identity"))
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


async def test_head_says_what_get_would(client: httpx.AsyncClient) -> None:
    """All but the body, in each form and coding."""
    for accept in ("application/openmetrics-text", "text/plain", "*/*"):
        for coding in ("gzip", ""):
            asked = {"Accept": accept, "Accept-Encoding": coding}
            got, head = await client.get("/metrics", headers=asked), await client.head("/metrics", headers=asked)
            assert (head.status_code, head.content) == (200, b"")
            for name in ("content-type", "content-length", "content-encoding", "vary", "cache-control"):
                assert head.headers.get(name) == got.headers.get(name), (accept, coding, name)


async def test_what_is_accepted_may_be_said_in_two_headers(client: httpx.AsyncClient) -> None:
    """As a proxy in between may write it."""
    headers = [("Accept", "application/json;q=0.1"), ("Accept", "text/plain")]
    answer = await client.get("/metrics", headers=headers)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_json_is_for_everybody_else(client: httpx.AsyncClient) -> None:
    """A browser, or a program that says nothing."""
    for accept in ("*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json"):
        answer = await client.get("/metrics", headers={"Accept": accept})
        assert (answer.json(), answer.headers["content-type"]) == ({"form": "json"}, "application/json")


async def test_what_prometheus_sends_gets_openmetrics(client: httpx.AsyncClient, services: FakeServices) -> None:
    """In the coding that the metrics service has made: it is compressed once."""
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    answer = await client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(TEXT.encode()))
    assert services.asked == [RenderMetrics(form="openmetrics", compressed=True)]


@pytest.mark.parametrize("accept", ["application/json", "text/plain", "application/openmetrics-text"])
async def test_a_gateway_that_measures_nothing_says_so(services: FakeServices, tmp_path: Path, accept: str) -> None:
    """In every form: figures without its own would look like a system at rest. Nobody else is asked."""
    async with asking(services, tmp_path, measures=False) as client:
        answer = await client.get("/metrics", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "METRICS_ENABLED" in answer.json()["detail"]
    assert services.asked == []
