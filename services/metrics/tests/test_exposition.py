"""The text forms: what Prometheus' own tools accept, with the right numbers in it."""

import asyncio
import os
import shutil
import subprocess
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from services.metrics.core.aggregate import Aggregate
from services.metrics.core.http_series import shown_http
from services.metrics.core.metric import Metric
from services.metrics.core.names import METRICS
from services.metrics.core.tests.batches import batch, hits, http
from services.metrics.core.totals import Series
from services.metrics.exposition import Exposition, TextForm

PROMTOOL = shutil.which("promtool")
FORMS: tuple[TextForm, ...] = ("prometheus", "openmetrics")
AWKWARD = 'a "quoted" \\ back\nslash é'


def everything() -> dict[str, Series]:
    """Two series of every metric there is, one with labels that must be escaped."""
    return {metric.name: _two(metric) for metric in METRICS}


def _two(metric: Metric) -> Series:
    vector = [*range(metric.size - 1), 12.5] if metric.kind == "histogram" else [3.0]
    plain = tuple(f"{name}1" for name in metric.labels)
    return {plain: [*vector], tuple(AWKWARD for _ in metric.labels): [*vector]}


async def expose(series: dict[str, Series], form: TextForm) -> str:
    """The text, made for the first time."""
    return (await Exposition().render(series, form)).decode()


@pytest.mark.skipif(PROMTOOL is None and not os.environ.get("CI"), reason="promtool is not installed")
async def test_promtool_finds_nothing_to_complain_of() -> None:
    """`promtool check metrics` is silent on every metric there is."""
    assert PROMTOOL is not None, "install promtool (Debian's package prometheus)"
    text = await expose(everything(), "prometheus")
    check = await asyncio.to_thread(
        subprocess.run, [PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False, text=True
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


async def test_openmetrics_is_read_by_its_own_parser() -> None:
    """With units, `_total` on samples alone, and the end marked."""
    text = await expose(everything(), "openmetrics")
    found = parse_openmetrics(text)  # type: ignore[no-untyped-call]  # left untyped by prometheus-client
    families = {family.name: family for family in found}
    assert set(families) == {metric.name.removesuffix("_total") for metric in METRICS}
    assert families["aurelius_process_cpu_seconds"].unit == "seconds"
    assert text.endswith("# EOF\n")


async def test_every_metric_of_the_table_is_told_with_its_type_and_help() -> None:
    """In the table's order."""
    families = list(parse_prometheus(await expose(everything(), "prometheus")))
    assert [(f.name, f.type, f.documentation) for f in families] == [
        (metric.name.removesuffix("_total"), metric.kind, metric.help) for metric in METRICS
    ]


async def test_labels_come_back_as_they_were() -> None:
    """Quotes, backslashes and new lines are escaped."""
    families = parse_prometheus(await expose(everything(), "prometheus"))
    labels = [sample.labels for family in families for sample in family.samples if family.name == "aurelius_cache_hits"]
    assert labels == [{"type": "type1"}, {"type": AWKWARD}]


async def test_buckets_are_cumulative() -> None:
    """Each counts all observations up to its bound, and the last counts all."""
    aggregate = Aggregate()
    aggregate.apply(batch(histograms=[http([0.0002, 0.003, 0.003, 60.0])], counters=[hits(4)]), 1)
    text = await expose(shown_http(aggregate.snapshot().series), "prometheus")
    labels = 'method="GET",route="/api/v1/strategies",status_class="2xx"'
    name = "aurelius_http_request_duration_seconds"
    for line in (
        f'{name}_bucket{{le="0.0001",{labels}}} 0.0',
        f'{name}_bucket{{le="0.00025",{labels}}} 1.0',
        f'{name}_bucket{{le="0.005",{labels}}} 3.0',
        f'{name}_bucket{{le="10.0",{labels}}} 3.0',
        f'{name}_bucket{{le="+Inf",{labels}}} 4.0',
        f"{name}_count{{{labels}}} 4.0",
        f"{name}_sum{{{labels}}} 60.0062",
        'aurelius_http_requests_total{method="GET",route="/api/v1/strategies",status="200"} 4.0',
        'aurelius_cache_hits_total{type="strategy"} 4.0',
    ):
        assert line in text.splitlines()


async def test_an_empty_system_is_a_valid_text() -> None:
    """It says who is not up, and that is all."""
    series = Aggregate().snapshot().series
    families = {family.name for family in parse_prometheus(await expose(series, "prometheus"))}
    assert families == {"aurelius_service_up", "aurelius_service_processes"}


@pytest.mark.parametrize("form", FORMS)
async def test_it_is_what_prometheus_client_writes(form: TextForm) -> None:
    """Byte for byte, as if it had made the whole text of these values."""
    families = []
    for metric in METRICS:
        kinds = {"histogram": HistogramMetricFamily, "counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        name = metric.name.removesuffix("_total")
        family: Any = kinds[metric.kind](name, metric.help, labels=metric.labels, unit=metric.unit)
        for labels, vector in _two(metric).items():
            bounds = [*map(str, metric.bounds), "+Inf"]
            values = (
                [list(zip(bounds, accumulate(vector[:-1]), strict=True)), vector[-1]] if len(vector) > 1 else vector
            )
            family.add_metric(labels, *values)
        families.append(family)
    registry: Any = SimpleNamespace(collect=lambda: families)
    whole = generate_latest(registry) if form == "prometheus" else generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # as below
    assert await expose(everything(), form) == whole.decode()


async def test_both_formats_say_the_same() -> None:
    """Sample by sample, as prometheus-client reads them."""
    aggregate = Aggregate()
    for number in range(5):
        counted = [http([0.01 * n for n in range(number)], status=f"{number + 1}00")]
        aggregate.apply(batch(number, histograms=counted, counters=[hits(number)]), number)
    series = shown_http(aggregate.snapshot().series)
    read = [
        {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }
        for families in (
            parse_prometheus(await expose(series, "prometheus")),
            parse_openmetrics(await expose(series, "openmetrics")),  # type: ignore[no-untyped-call]  # as above
        )
    ]
    assert read[0] == read[1]
    assert len(read[0]) > 100


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2000)), max_size=4), min_size=1, max_size=5))
def test_what_is_kept_of_the_last_text_never_shows(scrapes: list[list[tuple[int, int]]]) -> None:
    """One renderer for all scrapes says what a fresh one says: values that changed, series that came and went."""
    kept = Exposition()
    for number, scrape in enumerate(scrapes):
        aggregate = Aggregate()
        for kind, value in scrape:
            one = batch(
                number, histograms=[http([value / 1000], status=f"{kind}00")], counters=[hits(value, str(kind))]
            )
            aggregate.apply(one, 1)
        series = shown_http(aggregate.snapshot().series)
        for form in FORMS:
            assert asyncio.run(kept.render(series, form)).decode() == asyncio.run(expose(series, form))


async def test_others_have_their_turn_while_a_text_is_made() -> None:
    """However many series there are, the event loop goes on every millisecond."""
    series: Series = {(f"type{number}",): [1.0] for number in range(1000)}
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(count())
    await Exposition().render({"aurelius_cache_hits_total": series}, "prometheus")
    others.cancel()
    assert turns >= 10
