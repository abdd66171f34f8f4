"""docs/metrics.md is the table of metrics that the code has."""

from pathlib import Path

from shared.contracts.metrics import METRICS, Metric

DOCUMENT = Path(__file__).parents[1] / "docs" / "metrics.md"


def row(metric: Metric) -> str:
    """One line of a table in Markdown; a bar in a formula would end its cell."""
    cells = (f"`{metric.name}`", metric.unit, metric.formula, metric.null or "never", metric.source or "-")
    return "| " + " | ".join(cell.replace("|", r"\|").replace("*", r"\*") for cell in cells) + " |"


def test_the_document_shows_every_metric_as_it_is() -> None:
    """Name, unit, formula, when it is null, and where it is from: the rows of the document are those of the table."""
    shown = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    # The document goes by family, the table by the order of the answer.
    families = dict.fromkeys(metric.family for metric in METRICS)
    assert shown == [row(metric) for family in families for metric in METRICS if metric.family == family]


def test_every_family_has_its_heading() -> None:
    """In the order of the table."""
    headings = [line[3:].lower() for line in DOCUMENT.read_text().splitlines() if line.startswith("## ")]
    assert headings == list(dict.fromkeys(metric.family for metric in METRICS))
