"""The text forms: what Prometheus' own tools accept, with the right numbers in it."""

import os
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from services.metrics.core.aggregate import Aggregate
from services.metrics.core.names import METRICS, Metric
from services.metrics.core.tests.batches import batch, hits, http
from services.metrics.core.totals import Series
from services.metrics.exposition import expose
from shared.contracts.timings import BUCKETS

PROMTOOL = shutil.which("promtool")
AWKWARD = 'a "quoted" \\ back\nslash é'


def everything() -> dict[str, Series]:
    """Two series of every metric there is, one with labels that must be escaped."""
    return {metric.name: _two(metric) for metric in METRICS}


def _two(metric: Metric) -> Series:
    vector = [*range(len(BUCKETS) + 1), 12.5] if metric.kind == "histogram" else [3]
    plain = tuple(f"{name}1" for name in metric.labels)
    return {plain: [*vector], tuple(AWKWARD for _ in metric.labels): [*vector]}


@pytest.mark.skipif(PROMTOOL is None and not os.environ.get("CI"), reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_of() -> None:
    """`promtool check metrics` is silent on every metric there is."""
    assert PROMTOOL is not None, "install promtool (Debian's package prometheus)"
    text = expose(everything(), "prometheus")
    check = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


def test_openmetrics_is_read_by_its_own_parser() -> None:
    """With units, `_total` on samples alone, and the end marked."""
    text = expose(everything(), "openmetrics").decode()
    found = parse_openmetrics(text)  # type: ignore[no-untyped-call]  # left untyped by prometheus-client
    families = {family.name: family for family in found}
    assert set(families) == {metric.name.removesuffix("_total") for metric in METRICS}
    assert families["aurelius_process_cpu_seconds"].unit == "seconds"
    assert text.endswith("# EOF\n")


def test_every_metric_of_the_table_is_told_with_its_type_and_help() -> None:
    """In the table's order."""
    families = list(parse_prometheus(expose(everything(), "prometheus").decode()))
    assert [(f.name, f.type, f.documentation) for f in families] == [
        (metric.name.removesuffix("_total"), metric.kind, metric.help) for metric in METRICS
    ]


def test_labels_come_back_as_they_were() -> None:
    """Quotes, backslashes and new lines are escaped."""
    families = parse_prometheus(expose(everything(), "prometheus").decode())
    labels = [sample.labels for family in families for sample in family.samples if family.name == "aurelius_cache_hits"]
    assert labels == [{"type": "type1"}, {"type": AWKWARD}]


def test_buckets_are_cumulative() -> None:
    """Each counts all observations up to its bound, and the last counts all."""
    aggregate = Aggregate()
    aggregate.apply(batch(histograms=[http([0.0002, 0.003, 0.003, 60.0])], counters=[hits(4)]), 1)
    text = expose(aggregate.snapshot().series, "prometheus").decode()
    labels = 'method="GET",route="/api/v1/strategies",status="200"'
    name = "aurelius_http_request_duration_seconds"
    for line in (
        f'{name}_bucket{{le="0.0001",{labels}}} 0.0',
        f'{name}_bucket{{le="0.00025",{labels}}} 1.0',
        f'{name}_bucket{{le="0.005",{labels}}} 3.0',
        f'{name}_bucket{{le="10.0",{labels}}} 3.0',
        f'{name}_bucket{{le="+Inf",{labels}}} 4.0',
        f"{name}_count{{{labels}}} 4.0",
        f"{name}_sum{{{labels}}} 60.0062",
        'aurelius_cache_hits_total{type="strategy"} 4.0',
    ):
        assert line in text.splitlines()


def test_an_empty_system_is_a_valid_text() -> None:
    """It says who is not up, and that is all."""
    series = Aggregate().snapshot().series
    families = {family.name for family in parse_prometheus(expose(series, "prometheus").decode())}
    assert families == {"aurelius_service_up", "aurelius_service_processes"}
