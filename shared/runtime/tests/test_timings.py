"""What a process reports of itself: cumulative, only what changed, and now and then everything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from shared.contracts.streams import TIMINGS
from shared.contracts.timings import BUCKETS, LONG_BUCKETS, MAX_RAW, Counter, Gauge, Histogram, TimingBatch
from shared.runtime import timings as module
from shared.runtime.bus.connection import make_client
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.timings import FULL_EVERY, KEPT, Timings
from tests.seconds import allowed


@pytest.fixture
def timings() -> Timings:
    """Those of a process that has sent its first batch, which names everything."""
    made = Timings("gateway", "gateway-1")
    made.batch()
    return made


def only(batch: TimingBatch) -> Histogram:
    """The batch's one histogram."""
    (histogram,) = batch.histograms
    return histogram


def test_a_duration_counts_in_the_first_bucket_that_holds_it(timings: Timings) -> None:
    """A bound is part of its bucket; what is above all bounds has a place of its own."""
    for seconds in (BUCKETS[0], BUCKETS[1], BUCKETS[1] * 1.01, 11.0):
        timings.observe("rpc_server_duration", seconds, method="m")
    histogram = only(timings.batch())
    assert histogram.counts == [1, 1, 1, *[0] * (len(BUCKETS) - 3), 1]
    assert histogram.total == pytest.approx(BUCKETS[0] + 2.01 * BUCKETS[1] + 11)


def test_labels_tell_series_apart(timings: Timings) -> None:
    """Each has counts of its own."""
    timings.observe("rpc_server_duration", 0.1, method="a")
    timings.observe("rpc_server_duration", 0.1, method="b")
    timings.observe("rpc_server_duration", 0.1, method="b")
    found = {histogram.labels["method"]: sum(histogram.counts) for histogram in timings.batch().histograms}
    assert found == {"a": 1, "b": 2}


def test_a_batch_names_what_changed_with_all_that_came_before(timings: Timings) -> None:
    """Values are since the start, so that a lost batch costs nothing."""
    timings.count("cache_hits", 2, type="user")
    timings.count("cache_misses", type="user")
    timings.batch()
    timings.count("cache_hits", 3, type="user")
    assert timings.batch().counters == [Counter(name="cache_hits", labels={"type": "user"}, value=5)]
    assert timings.batch().counters == []


def test_every_so_often_a_batch_names_everything() -> None:
    """So that a lost batch is made good, and a reader that starts later learns all of it."""
    timings = Timings("gateway", "gateway-1")
    timings.count("cache_hits", type="user")
    timings.observe("event_loop_lag", 0.1)
    batches = [timings.batch() for _ in range(2 * FULL_EVERY + 1)]
    named = [batch.sequence for batch in batches if batch.counters and batch.histograms]
    assert named == [1, FULL_EVERY + 1, 2 * FULL_EVERY + 1]


def test_a_batch_is_not_changed_by_what_is_measured_later(timings: Timings) -> None:
    """It may wait to be sent."""
    timings.observe("event_loop_lag", 0.1)
    before = only(timings.batch())
    timings.observe("event_loop_lag", 0.1)
    assert sum(before.counts) == 1


def test_gauges_are_read_when_the_batch_is_made(timings: Timings) -> None:
    """In every batch, changed or not."""
    level = [1.0]
    timings.gauge("process_open_fds", lambda: level[0])
    timings.batch()
    level[0] = 2.0
    assert timings.batch().gauges == [Gauge(name="process_open_fds", labels={}, value=2.0)]


def test_counters_kept_elsewhere_are_told_when_they_have_changed() -> None:
    """Whoever keeps them need not say so; and now and then all of them are."""
    timings, level = Timings("gateway", "gateway-1"), [7]
    timings.counters_from(lambda: [Counter(name="cache_hits", labels={"type": "user"}, value=level[0])])

    def told() -> list[float]:
        return [counter.value for counter in timings.batch().counters]

    assert [told(), told()] == [[7], []]
    level[0] = 8
    assert [told(), told()] == [[8], []]
    assert [told() for _ in range(FULL_EVERY)].count([8]) == 1


def test_the_last_batch_names_everything(timings: Timings) -> None:
    """Nobody would make good what one before it has lost."""
    timings.count("cache_hits", type="user")
    timings.observe("event_loop_lag", 0.1)
    timings.batch()
    batch = timings.batch(last=True)
    assert batch.last
    assert batch.counters
    assert batch.histograms


def test_a_gauge_that_is_no_number_is_left_out(timings: Timings) -> None:
    """JSON has no word for it: the reader would refuse the whole batch."""
    timings.gauge("cache_l1_feed_age_seconds", lambda: float("inf"))
    timings.gauge("process_open_fds", lambda: 3.0)
    assert [gauge.name for gauge in timings.batch().gauges] == ["process_open_fds"]


def test_stages_are_told_apart(timings: Timings) -> None:
    """A stage that is the difference of two times may come out below nothing, and is nothing then."""
    timings.observe_stages({"cache": 0.001, "bus": -0.0001})
    timings.observe_stages({"cache": 0.002})
    found = {series.labels["stage"]: (sum(series.counts), series.total) for series in timings.batch().histograms}
    assert found == {"cache": (2, pytest.approx(0.003)), "bus": (1, 0.0)}


def test_jobs_have_buckets_of_their_own(timings: Timings) -> None:
    """Of minutes and hours."""
    timings.observe("job_duration", 5000, kind="sweep_slice", outcome="succeeded")
    assert only(timings.batch()).counts == [*[0] * (len(LONG_BUCKETS) - 1), 1, 0]


def test_gauges_kept_elsewhere_are_in_every_batch(timings: Timings) -> None:
    """With labels, and only those that there are at the moment."""
    kept = [Gauge(name="jobs", labels={"kind": "backtest", "state": "queued"}, value=7)]
    timings.gauges_from(lambda: kept)
    assert [timings.batch().gauges, timings.batch().gauges] == [kept, kept]


def test_raw_durations_are_those_since_the_last_batch(timings: Timings) -> None:
    """And at most the newest MAX_RAW, while the histogram counts all."""
    number = MAX_RAW + 5
    for place in range(number):
        timings.observe_http(place / 1000, method="GET", route="/health", status="200")
    batch = timings.batch()
    assert batch.recent == [place / 1000 for place in range(5, number)]
    assert only(batch).name == "http_request_duration"
    assert sum(only(batch).counts) == number
    assert timings.batch().recent == []


def test_a_life_is_told_from_the_next() -> None:
    """The same instance, started again, has another boot and begins its sequence anew."""
    first, second = Timings("gateway", "gateway-1"), Timings("gateway", "gateway-1")
    batches = [first.batch(), first.batch(), second.batch()]
    assert [batch.sequence for batch in batches] == [1, 2, 1]
    assert batches[0].boot == batches[1].boot != batches[2].boot
    assert batches[0].started_at <= batches[0].at


@given(st.lists(st.lists(st.floats(0, 100), max_size=5), max_size=25))
def test_the_last_word_on_each_series_is_the_whole_truth(seconds: list[list[float]]) -> None:
    """However the durations fall into batches, what a series was last reported as is the sum of them all."""
    timings = Timings("gateway", "gateway-1")
    last: dict[str, Histogram] = {}
    for group in seconds:
        for one in group:
            timings.observe("rpc_server_duration", one, method=str(len(group)))
        last |= {histogram.labels["method"]: histogram for histogram in timings.batch().histograms}
    everything = [one for group in seconds for one in group]
    assert sum(sum(histogram.counts) for histogram in last.values()) == len(everything)
    assert sum(histogram.total for histogram in last.values()) == pytest.approx(sum(everything))


@pytest.fixture
async def writer(bus_url: str) -> AsyncIterator[StreamWriter]:
    """A writer to an empty bus."""
    async with make_client(bus_url) as client:
        writer = StreamWriter(client)
        running = asyncio.create_task(writer.run())
        yield writer
        running.cancel()


async def sent(client: Redis) -> list[TimingBatch]:
    """Everything on the stream."""
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange(TIMINGS))
    return [msgspec.json.decode(fields[b"batch"], type=TimingBatch) for _, fields in entries]


@pytest.mark.integration
async def test_a_batch_travels_as_one_entry(timings: Timings, writer: StreamWriter, bus_url: str) -> None:
    """Its one field is the batch as JSON, and the stream is kept from growing for ever."""
    timings.count("cache_hits", type="user")
    async with make_client(bus_url) as client:
        for _ in range(3):
            timings.send(writer)
        await writer.drain(5)
        batches = await sent(client)
        assert [batch.sequence for batch in batches] == [2, 3, 4]
        assert batches[0].counters == [Counter(name="cache_hits", labels={"type": "user"}, value=1)]
        pipeline = client.pipeline(transaction=False)
        for _ in range(KEPT + 500):
            pipeline.xadd(TIMINGS, {"batch": "{}"})
        await pipeline.execute()
        timings.send(writer)
        await writer.drain(5)
        assert await client.xlen(TIMINGS) < KEPT + 200


@pytest.mark.integration
async def test_nothing_is_sent_after_the_last_batch(timings: Timings, writer: StreamWriter, bus_url: str) -> None:
    """A reader takes the process for gone."""
    async with make_client(bus_url) as client:
        timings.send(writer)
        timings.send(writer, last=True)
        timings.send(writer)
        await writer.drain(5)
        assert [batch.last for batch in await sent(client)] == [False, True]


@pytest.mark.integration
async def test_a_running_process_sends_by_itself(
    timings: Timings, writer: StreamWriter, bus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its pace, with the lateness of its own loop."""
    monkeypatch.setattr(module, "SEND_SECONDS", 0.01)
    monkeypatch.setattr(module, "LAG_SECONDS", 0.005)
    sending = asyncio.create_task(timings.run(writer))
    async with make_client(bus_url) as client, asyncio.timeout(allowed(10)):
        while await client.xlen(TIMINGS) < 3:
            await asyncio.sleep(0.01)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        histogram = only((await sent(client))[-1])
    assert histogram.name == "event_loop_lag"
    assert sum(histogram.counts) >= 3
