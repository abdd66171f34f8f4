"""The table of metrics keeps to Prometheus' practice and to itself."""

import re

import pytest

from services.metrics.core.metric import SERVICE, Metric
from services.metrics.core.names import ALL, METRICS, REPORTED


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_row_follows_the_practice(metric: Metric) -> None:
    """A prefix, lower case, `_total` on counters alone, seconds on histograms, a sentence of help."""
    assert re.fullmatch(r"aurelius(_[a-z][a-z0-9]*)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.kind != "histogram" or metric.unit == "seconds"
    assert metric.help.endswith(".")
    assert len(set(metric.labels)) == len(metric.labels)
    assert "le" not in metric.labels


def test_names_are_told_apart() -> None:
    """No two rows share a name, and no two of a kind are reported under one."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len(REPORTED) == sum(metric.reported is not None for metric in ALL.values())


def test_gauges_are_added_up_where_they_are_of_one_process() -> None:
    """Others are told whole by each process of a service: two processes do not make a table twice as large."""
    reported = [metric for metric in METRICS if metric.kind == "gauge" and metric.reported]
    added = {metric.name.removeprefix("aurelius_") for metric in reported if not metric.of_all}
    of_processes = {name for name in added if name.startswith("process_")}
    assert added - of_processes == {"cache_l1_bytes", "database_pool_connections", "database_pool_limit"}
    assert all(SERVICE in metric.labels for metric in reported if not metric.of_all)
    assert not any(metric.of_all for metric in METRICS if metric not in reported)


def test_units_are_read_from_the_name() -> None:
    """The unit stands last, before `_total`."""
    units = {metric.name: metric.unit for metric in METRICS}
    assert units["aurelius_process_cpu_seconds_total"] == "seconds"
    assert units["aurelius_redis_memory_used_bytes"] == "bytes"
    assert units["aurelius_cache_hits_total"] == ""
