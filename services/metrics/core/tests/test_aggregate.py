"""Batches add up to the same whatever order they come in, and what was counted stays counted."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.core import aggregate as module
from services.metrics.core.aggregate import GAUGE_SECONDS, KNOWN_SERVICES, MAX_ENDED, MAX_SILENT, UP_SECONDS, Aggregate
from services.metrics.core.cache_names import CACHE_HITS
from services.metrics.core.names import HTTP_ANSWERS, JOBS, RPC_SERVED
from services.metrics.core.process_names import CPU, MEMORY, SERVICE_UP
from services.metrics.core.processes import MAX_SERIES_PER_PROCESS
from services.metrics.core.tests.batches import batch, histogram, hits, http, memory
from services.metrics.core.totals import Series
from shared.contracts.timings import MAX_RAW, Counter, Gauge, Histogram, TimingBatch

USER, STRATEGY = ("user",), ("strategy",)


def hits_of(aggregate: Aggregate) -> Series:
    """The totals of cache hits."""
    return aggregate.snapshot().series.get(CACHE_HITS.name, {})


@st.composite
def lives(draw: st.DrawFn) -> list[TimingBatch]:
    """The batches of one process: cumulative, naming only what changed, but for the last, which names all."""
    number = draw(st.integers(1, 6))
    durations: list[float] = []
    counts = {"strategy": 0, "user": 0}
    life = []
    for sequence in range(1, number + 1):
        # Multiples of 1/1024 are exact, so that sums are the same in any order.
        fresh = [n / 1024 for n in draw(st.lists(st.integers(1, 20_000), max_size=5))]
        durations += fresh
        changed = draw(st.sets(st.sampled_from(sorted(counts))))
        for kind in changed:
            counts[kind] += draw(st.integers(1, 100))
        last = sequence == number
        life.append(
            batch(
                sequence,
                histograms=[http(durations)] if fresh or last else [],
                counters=[hits(count, kind) for kind, count in counts.items() if kind in changed or last],
                recent=fresh,
            )
        )
    return life


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[TimingBatch], list[TimingBatch]]:
    """What two processes sent, and what came: the batches lost, doubled, in any order, but each life's last at last."""
    first, second = draw(lives()), draw(lives())
    second = [msgspec.structs.replace(one, instance="gateway-2") for one in second]
    sent = first + second
    came = draw(st.lists(st.sampled_from(sent), max_size=20))
    return sent, [*came, first[-1], second[-1]]


def totals(batches: Sequence[TimingBatch]) -> dict[str, Series]:
    """What these add up to, gauges and services aside."""
    aggregate = Aggregate()
    for number, one in enumerate(batches):
        aggregate.apply(one, number)
    return {name: aggregate.snapshot().series.get(name, {}) for name in (HTTP_ANSWERS.name, CACHE_HITS.name)}


@given(deliveries())
def test_late_lost_and_doubled_batches_change_nothing(delivery: tuple[list[TimingBatch], list[TimingBatch]]) -> None:
    """Whatever came before, after the last batch of each process the totals are those of a perfect delivery."""
    sent, came = delivery
    assert totals(came) == totals(sent)


@given(deliveries())
def test_no_total_ever_falls(delivery: tuple[list[TimingBatch], list[TimingBatch]]) -> None:
    """Not on any element of any series, whatever comes in whatever order."""
    aggregate, before = Aggregate(), dict[str, Series]()
    for number, one in enumerate(delivery[1]):
        aggregate.apply(one, number)
        after = {name: aggregate.snapshot().series.get(name, {}) for name in (HTTP_ANSWERS.name, CACHE_HITS.name)}
        for name, series in before.items():
            for labels, vector in series.items():
                assert all(new >= old for new, old in zip(after[name][labels], vector, strict=True))
        before = after


def test_lives_of_an_instance_add_up() -> None:
    """A process that starts again counts from zero, the total does not."""
    aggregate = Aggregate()
    aggregate.apply(batch(7, boot="first", counters=[hits(100)]), 1)
    aggregate.apply(batch(1, boot="second", counters=[hits(3)]), 2)
    aggregate.apply(batch(8, boot="first", counters=[hits(101)]), 3)
    assert hits_of(aggregate) == {STRATEGY: [104]}


def test_a_batch_overtaken_by_a_newer_one_still_counts() -> None:
    """The newer one names only what changed after it."""
    aggregate = Aggregate()
    assert aggregate.apply(batch(2, counters=[hits(5, "user")]), 2).fresh
    assert not aggregate.apply(batch(1, counters=[hits(4, "strategy"), hits(4, "user")]), 3).fresh
    assert hits_of(aggregate) == {USER: [5], STRATEGY: [4]}


def test_an_old_batch_changes_no_gauge_and_adds_no_durations() -> None:
    """They are of its own moment, which has passed."""
    aggregate = Aggregate()
    aggregate.apply(batch(2, gauges=[memory(200)], recent=[0.2]), 2)
    aggregate.apply(batch(1, gauges=[memory(100)], recent=[0.1]), 2)
    aggregate.apply(batch(2, gauges=[memory(200)], recent=[0.2]), 2)
    snapshot = aggregate.snapshot()
    assert snapshot.series[MEMORY.name] == {("gateway", "1"): [200]}
    assert snapshot.durations == [0.2]


def test_each_process_of_a_service_has_a_place() -> None:
    """Numbered as they came, within their service: no id becomes a label."""
    aggregate = Aggregate()
    aggregate.apply(batch(instance="a", gauges=[memory(1)]), 1)
    aggregate.apply(batch(instance="b", gauges=[memory(2)]), 1)
    aggregate.apply(batch(instance="c", service="strategy", gauges=[memory(4)]), 1)
    places = {("gateway", "1"): [1], ("gateway", "2"): [2], ("strategy", "1"): [4]}
    assert aggregate.snapshot().series[MEMORY.name] == places


def test_gauges_that_are_not_of_one_process_are_summed_over_a_services_processes() -> None:
    """And not over services."""
    aggregate = Aggregate()
    for instance, service, value in (("a", "gateway", 1.0), ("b", "gateway", 2.0), ("c", "strategy", 4.0)):
        gauge = Gauge(name="cache_l1_bytes", labels={}, value=value)
        aggregate.apply(batch(instance=instance, service=service, gauges=[gauge]), 1)
    assert aggregate.snapshot().series["aurelius_cache_l1_bytes"] == {("gateway",): [3], ("strategy",): [4]}


def cpu(seconds: float) -> Counter:
    """The counter of processor time."""
    return Counter(name="process_cpu_seconds", labels={}, value=seconds)


def test_a_process_takes_the_place_of_one_that_has_ended() -> None:
    """So that there are no more places than there were processes at a time; the counters of a place go on."""
    aggregate = Aggregate()
    aggregate.apply(batch(instance="a", gauges=[memory(1)], counters=[cpu(5)], last=True), 1)
    assert MEMORY.name not in aggregate.snapshot().series
    aggregate.apply(batch(instance="b", gauges=[memory(2)], counters=[cpu(1)]), 2)
    assert aggregate.snapshot().series[MEMORY.name] == {("gateway", "1"): [2]}
    assert aggregate.snapshot().series[CPU.name] == {("gateway", "1"): [6]}


def test_one_that_comes_back_to_a_place_that_was_taken_goes_to_another() -> None:
    """What it counts from then on counts there, and once."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, instance="held up", counters=[cpu(5)]), 1)
    after = 2 + GAUGE_SECONDS
    aggregate.apply(batch(1, instance="new", counters=[cpu(1)], gauges=[memory(1)]), after)
    aggregate.apply(batch(2, instance="held up", counters=[cpu(7)], gauges=[memory(2)]), after)
    assert aggregate.snapshot().series[CPU.name] == {("gateway", "1"): [6], ("gateway", "2"): [2]}
    assert aggregate.snapshot().series[MEMORY.name] == {("gateway", "1"): [1], ("gateway", "2"): [2]}


def test_a_silent_process_loses_its_gauges_and_keeps_its_counts() -> None:
    """Sixty seconds after its last batch; and when it speaks again, it goes on where it was."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, gauges=[memory(1)], counters=[hits(10)]), 100)
    aggregate.apply(batch(1, service="metrics", instance="metrics-1"), 100 + GAUGE_SECONDS)
    assert MEMORY.name in aggregate.snapshot().series
    aggregate.apply(batch(2, service="metrics", instance="metrics-1"), 101 + GAUGE_SECONDS)
    assert MEMORY.name not in aggregate.snapshot().series
    assert hits_of(aggregate) == {STRATEGY: [10]}
    aggregate.apply(batch(2, gauges=[memory(1)], counters=[hits(12)]), 102 + GAUGE_SECONDS)
    assert hits_of(aggregate) == {STRATEGY: [12]}
    assert MEMORY.name in aggregate.snapshot().series


def test_a_service_is_up_while_a_process_of_it_reports() -> None:
    """The known ones are always named, so that one which never came is seen to be missing."""
    aggregate = Aggregate()
    assert aggregate.snapshot().series[SERVICE_UP.name] == {(name,): [0] for name in KNOWN_SERVICES}
    aggregate.apply(batch(service="backtest", instance="b"), 100)
    aggregate.apply(batch(service="metrics", instance="m"), 100 + UP_SECONDS)
    up = aggregate.snapshot().series[SERVICE_UP.name]
    assert (up["backtest",], up["metrics",], up["strategy",]) == ([1], [1], [0])
    aggregate.apply(batch(2, service="metrics", instance="m"), 101 + UP_SECONDS)
    assert aggregate.snapshot().series[SERVICE_UP.name]["backtest",] == [0]


def test_uptime_is_that_of_the_oldest_process_that_is_up() -> None:
    """By the process's own clock until its last batch, by the bus's from then on; no two clocks are compared."""
    aggregate = Aggregate()
    assert aggregate.snapshot().uptime == 0
    aggregate.apply(batch(instance="a", at=5_000_100, started_at=5_000_000), 1000)
    aggregate.apply(batch(instance="b", at=70, started_at=10), 1004)
    assert aggregate.snapshot().uptime == 104
    assert aggregate.snapshot().services["gateway"].processes == 2


def test_the_rate_counts_requests_once() -> None:
    """A doubled batch is no second load, and an old process met for the first time does not bring its past."""
    aggregate = Aggregate()
    past = http([0.01] * 50_000)
    met = batch(900, at=1000, started_at=0, histograms=[past], recent=[0.01] * 30)
    aggregate.apply(met, 1000)
    aggregate.apply(met, 1000)
    assert aggregate.snapshot().rate == pytest.approx(30 / 60)


def test_the_past_of_a_busy_process_met_for_the_first_time_is_no_load() -> None:
    """All that is known of its last second is what the batch could hold."""
    aggregate = Aggregate()
    met = batch(900, at=1000, started_at=0, histograms=[http([0.01] * 50_000)], recent=[0.01] * MAX_RAW)
    aggregate.apply(met, 1000)
    assert aggregate.snapshot().rate == pytest.approx(MAX_RAW / 60)


def test_the_last_minute_is_what_was_new_in_it() -> None:
    """Of a batch that was lost too, when the next one makes it good; twice nothing is."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, histograms=[http([0.01] * 5)], recent=[0.01] * 5), 1000)
    later = batch(4, histograms=[http([0.01] * 5 + [0.2] * 3)], recent=[0.2])
    aggregate.apply(later, 1061)
    aggregate.apply(later, 1061)
    minute = aggregate.snapshot().last_minute
    assert minute == [*http([0.2] * 3).counts, pytest.approx(0.6)]


def test_the_rate_is_right_above_what_a_batch_can_hold() -> None:
    """Raw durations stop at MAX_RAW; the histogram does not."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, at=1000, started_at=0, histograms=[http([0.01])], recent=[0.01]), 1000)
    busy = batch(2, at=1001, started_at=0, histograms=[http([0.01] * 6001)], recent=[0.01] * MAX_RAW)
    aggregate.apply(busy, 1001)
    assert aggregate.snapshot().rate == pytest.approx(6001 / 60)


def test_what_does_not_fit_the_table_is_left_out_and_named() -> None:
    """The rest of the batch counts."""
    aggregate = Aggregate()
    applied = aggregate.apply(
        batch(
            histograms=[
                http([0.1], colour="red"),
                Histogram(name="event_loop_lag", labels={}, counts=[1], total=1),
            ],
            counters=[Counter(name="nonsense", labels={}, value=1), hits(1)],
            gauges=[Gauge(name="nonsense", labels={}, value=1), memory(1)],
        ),
        1,
    )
    assert applied.refused == {"labels": 1, "buckets": 1, "unknown": 2}
    snapshot = aggregate.snapshot()
    assert snapshot.series[CACHE_HITS.name] == {STRATEGY: [1]}
    assert HTTP_ANSWERS.name not in snapshot.series
    assert MEMORY.name in snapshot.series


def test_a_negative_count_changes_nothing() -> None:
    """Counts only grow; what says otherwise is not believed."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, counters=[hits(5)]), 1)
    aggregate.apply(batch(2, counters=[hits(-5)]), 2)
    assert hits_of(aggregate) == {STRATEGY: [5]}


def test_a_count_that_none_can_come_to_is_refused() -> None:
    """Two of them would be infinite, and no number after that; the JSON form has no word for it."""
    aggregate = Aggregate()
    wild = [hits(1e308), hits(1e308, "user"), hits(3, "backtest")]
    for instance in ("a", "b"):
        over = batch(instance=instance, counters=wild, histograms=[http([1e308])])
        assert aggregate.apply(over, 1).refused == {"values": 3}
    assert hits_of(aggregate) == {("backtest",): [6]}
    assert HTTP_ANSWERS.name not in aggregate.snapshot().series


def test_the_sender_is_the_service_of_what_it_reports() -> None:
    """Requests of two services under one method name stay apart."""
    aggregate = Aggregate()
    labels = {"method": "health.check", "outcome": "ok"}
    for service in ("strategy", "backtest"):
        one = batch(service=service, instance=service, histograms=[histogram("rpc_server_duration", labels, [0.1])])
        aggregate.apply(one, 1)
    assert sorted(aggregate.snapshot().series[RPC_SERVED.name]) == [
        ("backtest", "health.check", "ok"),
        ("strategy", "health.check", "ok"),
    ]


def test_the_processes_remembered_have_an_end_and_their_counts_have_not() -> None:
    """However many come and go, memory is bounded; those that report are never let go."""
    aggregate = Aggregate()
    number = 3 * MAX_SILENT
    for place in range(number):
        aggregate.apply(batch(instance=f"gateway-{place}", counters=[hits(1)]), place * (GAUGE_SECONDS + 1))
    assert len(aggregate._processes) <= MAX_SILENT + 1
    assert hits_of(aggregate) == {STRATEGY: [number]}


def test_many_processes_that_report_are_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was let go would count double at its next batch."""
    monkeypatch.setattr(module, "MAX_SILENT", 5)
    aggregate = Aggregate()
    for sequence in (1, 2):
        for place in range(20):
            aggregate.apply(batch(sequence, instance=f"gateway-{place}", counters=[hits(sequence)]), 100 + sequence)
    assert hits_of(aggregate) == {STRATEGY: [40]}


def test_the_series_remembered_of_one_process_have_an_end() -> None:
    """A process gone wild is cut off, and that is counted."""
    aggregate = Aggregate()
    wild = [hits(1, f"type{number}") for number in range(MAX_SERIES_PER_PROCESS + 7)]
    assert aggregate.apply(batch(counters=wild), 1).refused == {"overflow": 7}


def test_what_each_process_reports_whole_is_not_added_up() -> None:
    """The queue is as long as the longest that was counted, however many processes count it."""
    aggregate = Aggregate()
    labels = {"kind": "backtest", "state": "queued"}
    for instance, length in (("backtest-1", 7.0), ("backtest-2", 9.0), ("backtest-3", 8.0)):
        gauge = Gauge(name="jobs", labels=labels, value=length)
        aggregate.apply(batch(service="backtest", instance=instance, gauges=[gauge]), 1000.0)
    assert aggregate.snapshot().series[JOBS.name] == {("backtest", "queued"): [9.0]}


def test_the_last_batch_of_a_process_ends_it() -> None:
    """What it counted stays; its gauges go, and it is up no more. What comes late or again is not counted anew."""
    aggregate = Aggregate()
    early = batch(1, counters=[hits(3)], gauges=[memory(1)])
    end = batch(2, counters=[hits(5)], gauges=[memory(1)], last=True)
    for one in (end, early, end):
        aggregate.apply(one, 100)
    assert hits_of(aggregate) == {STRATEGY: [5]}
    assert MEMORY.name not in aggregate.snapshot().series
    assert aggregate.snapshot().series[SERVICE_UP.name]["gateway",] == [0]


def test_the_ended_that_are_remembered_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten first."""
    monkeypatch.setattr(module, "MAX_ENDED", 5)
    aggregate = Aggregate()
    for place in range(20):
        aggregate.apply(batch(instance=f"gateway-{place}", counters=[hits(1)], last=True), place)
    assert list(aggregate._ended) == [(f"gateway-{place}", "first") for place in range(15, 20)]
    assert hits_of(aggregate) == {STRATEGY: [20]}
    assert MAX_ENDED > MAX_SILENT
