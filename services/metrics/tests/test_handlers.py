"""Batches in, bodies out, without a bus."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from services.metrics.cache_figures import CacheProbe
from services.metrics.core.tests.batches import batch, hits, http
from services.metrics.figures import Figures
from services.metrics.handlers import INLINE, MetricsHandlers
from shared.cache.settings import CacheSettings
from shared.contracts.errors import Unavailable
from shared.contracts.messages import RenderMetrics
from shared.contracts.streams import TIMINGS
from shared.contracts.timings import Counter, TimingBatch
from shared.runtime.bus.connection import Entry, make_client
from shared.runtime.bus.server import Call
from shared.runtime.timings import Timings


def entry(number: int, content: TimingBatch | bytes) -> Entry:
    """A stream entry as the bus hands it over, a second after the one before."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return Entry(f"{number}000-0".encode(), {b"batch": body})


def call(seconds: float = 5.0) -> Call:
    """A call whose caller waits this long."""
    return Call(id="1", principal=None, deadline=time.time() + seconds, traceparent="", idempotency_key="")


class History:
    """A stream of the past, as far as the service asks of it."""

    def __init__(self, *entries: Entry) -> None:
        self._rows = [(one.id, one.fields) for one in entries]

    async def xrange(self, stream: str, *_: object, **__: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return all of the timings, which are shorter than a portion; nothing was kept."""
        return self._rows if stream == TIMINGS else []


@pytest.fixture
def timings() -> Timings:
    """The service's own timings."""
    return Timings("metrics", "metrics-1")


@pytest.fixture
async def handlers(timings: Timings) -> AsyncIterator[MetricsHandlers]:
    """The handlers, with an empty past, a cache that is off and a bus that nobody asks."""
    async with make_client("redis://127.0.0.1:1/0") as bus:
        made = MetricsHandlers(Figures(bus, CacheProbe(CacheSettings(url="", enabled=False))), timings)
        await made.read_past(History())  # type: ignore[arg-type]  # the one command it uses
        yield made


async def body(handlers: MetricsHandlers, form: str) -> bytes:
    """The answer in this form, as it goes over the bus."""
    answer = await handlers.render(msgspec.convert({"form": form}, RenderMetrics), call())
    return answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)


def counted(timings: Timings) -> list[Counter]:
    """What the service counted of its own work."""
    return timings.batch().counters


async def test_what_came_in_is_answered_in_all_forms(handlers: MetricsHandlers) -> None:
    """The same numbers for Prometheus and for people."""
    await handlers.absorb([entry(1, batch(histograms=[http([0.1] * 3)], counters=[hits(2)], recent=[0.1] * 3))])
    read = json.loads(await body(handlers, "json"))
    assert (read["request_count"], read["cache"]["hits"], read["response_times"]["p99_ms"]) == (3, 2, 100.0)
    for form in ("prometheus", "openmetrics"):
        text = (await body(handlers, form)).decode()
        assert 'aurelius_cache_hits_total{type="strategy"} 2.0\n' in text
        assert "aurelius_build_info{" in text


async def test_a_batch_that_cannot_be_read_holds_up_nothing(handlers: MetricsHandlers, timings: Timings) -> None:
    """It is counted, and what stands around it is taken in."""
    poison = [entry(2, b"{"), entry(3, b'{"service": 1}'), Entry(b"4-0", {b"other": b""}), entry(5, b"\xff")]
    around = [entry(1, batch(1, counters=[hits(1)])), entry(6, batch(2, counters=[hits(2)]))]
    await handlers.absorb([around[0], *poison, around[1]])
    assert json.loads(await body(handlers, "json"))["cache"]["hits"] == 2
    assert counted(timings) == [
        Counter(name="timing_batches", labels={"outcome": "applied"}, value=2),
        Counter(name="timing_batches", labels={"outcome": "unreadable"}, value=4),
    ]


async def test_late_batches_and_strange_series_are_counted(handlers: MetricsHandlers, timings: Timings) -> None:
    """So that a sender of another version is noticed."""
    strange = Counter(name="nonsense", labels={}, value=1)
    await handlers.absorb([entry(1, batch(2)), entry(2, batch(2)), entry(3, batch(3, counters=[strange]))])
    assert counted(timings) == [
        Counter(name="timing_batches", labels={"outcome": "applied"}, value=2),
        Counter(name="timing_batches", labels={"outcome": "stale"}, value=1),
        Counter(name="timing_series_refused", labels={"reason": "unknown"}, value=1),
    ]


async def test_nothing_is_answered_before_the_past_is_known(timings: Timings) -> None:
    """A total that is still being read in would look like a counter that fell."""
    async with make_client("redis://127.0.0.1:1/0") as bus:
        handlers = MetricsHandlers(Figures(bus, CacheProbe(CacheSettings(url="", enabled=False))), timings)
        with pytest.raises(Unavailable, match="still being read"):
            await handlers.render(RenderMetrics(form="json"), call(seconds=0))
        asked = asyncio.create_task(body(handlers, "json"))
        past = History(entry(1, batch(1, counters=[hits(40)])), entry(2, b"{"))
        await handlers.read_past(past)  # type: ignore[arg-type]  # the one command it uses
        assert json.loads(await asked)["cache"]["hits"] == 40
    assert counted(timings) == []


async def test_the_place_is_told_at_which_the_past_ends(timings: Timings) -> None:
    """What comes is read from there on."""
    async with make_client("redis://127.0.0.1:1/0") as bus:
        handlers = MetricsHandlers(Figures(bus, CacheProbe(CacheSettings(url="", enabled=False))), timings)
        past = History(entry(1, batch(1)), entry(7, batch(2)))
        assert await handlers.read_past(past) == (7000, 0)  # type: ignore[arg-type]  # as above


async def test_nothing_is_rendered_for_a_caller_who_has_given_up(handlers: MetricsHandlers) -> None:
    """Too many at once must not make those after them late as well."""
    with pytest.raises(Unavailable, match="asked for"):
        await handlers.render(RenderMetrics(form="prometheus"), call(seconds=0))


async def test_many_may_ask_at_once(handlers: MetricsHandlers) -> None:
    """Each gets a whole answer."""
    await handlers.absorb([entry(1, batch(counters=[hits(2)]))])
    bodies = await asyncio.gather(*(body(handlers, "openmetrics") for _ in range(20)))
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("routes", [1, 300])
async def test_a_text_is_compressed_for_who_asks_for_it(handlers: MetricsHandlers, routes: int) -> None:
    """The same text, whether it is short or long."""
    await handlers.absorb([entry(1, batch(histograms=[http([0.1], route=f"/{number}") for number in range(routes)]))])
    plain = await body(handlers, "openmetrics")
    assert (len(plain) > INLINE) == (routes > 1)
    answer = await handlers.render(RenderMetrics(form="openmetrics", compressed=True), call())
    assert isinstance(answer.value, bytes)
    assert gzip.decompress(answer.value) == plain
