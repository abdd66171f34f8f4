"""docs/metrics-reference.md is the table of metrics that the code has."""

import re
from pathlib import Path

from services.metrics.core.metric import Metric
from services.metrics.core.names import METRICS
from shared.contracts.timings import BUCKETS, LONG_BUCKETS

TEXT = (Path(__file__).parents[1] / "docs" / "metrics-reference.md").read_text()


def row(metric: Metric) -> str:
    """One line of the table of metrics, in Markdown."""
    kind = "histogram (long)" if metric.kind == "histogram" and metric.bounds is LONG_BUCKETS else metric.kind
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
    return f"| `{metric.name}` | {kind} | {labels} | {metric.help} |"


def test_the_document_shows_every_metric_as_it_is() -> None:
    """Name, type, labels and meaning: the rows of the document are those of the table, in its order."""
    shown = [line for line in TEXT.splitlines() if line.startswith("| `aurelius_")]
    assert shown == [row(metric) for metric in METRICS]


def test_every_label_is_explained() -> None:
    """One line each, for all that there are and no others."""
    explained = re.findall(r"^\| `(?!aurelius_)([a-z_]+)` \|", TEXT, flags=re.MULTILINE)
    assert sorted(explained) == sorted({label for metric in METRICS for label in metric.labels} | {"le"})


def test_the_buckets_are_named() -> None:
    """As they are."""
    for bounds in (BUCKETS, LONG_BUCKETS):
        assert ", ".join(f"{bound:g}" for bound in bounds) in " ".join(TEXT.split())
