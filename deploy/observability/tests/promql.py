"""Of a PromQL expression, which metrics and labels it speaks of."""

import re
from collections.abc import Mapping
from typing import Final

from deploy.observability.tests.files import RECORDED
from services.metrics.core.names import METRICS

# What Prometheus adds to each series.
TARGET: Final = frozenset({"job", "instance"})

_SELECTOR = re.compile(
    r"(?<![\w:])(?P<name>(?:\w+:)?aurelius\w*(?::\w+)?|up|ALERTS)\b(?![:(])(?:\{(?P<matchers>[^}]*)\})?"
)
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"')
_LISTED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


class Unknown(Exception):
    """An expression speaks of a metric or a label that there is not."""


def _samples() -> dict[str, frozenset[str]]:
    """The labels of each sample that /metrics shows."""
    found = {"up": TARGET, "ALERTS": frozenset({"alertname", "alertstate", "severity"})}
    for metric in METRICS:
        labels = TARGET | frozenset(metric.labels)
        if metric.kind == "histogram":
            found |= {
                f"{metric.name}_bucket": labels | {"le"},
                f"{metric.name}_count": labels,
                f"{metric.name}_sum": labels,
            }
        else:
            found[metric.name] = labels
    return found


def known() -> dict[str, frozenset[str]]:
    """The labels of each sample, scraped or recorded. Raises Unknown for a rule that speaks of what there is not."""
    found = _samples()
    for rule in RECORDED:
        labels = spoken_of(rule.expr, found)
        found[rule.record] = found.get(rule.record, frozenset()) | labels | rule.labels.keys()
    return found


def spoken_of(expression: str, samples: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the labels that the result of an expression may have. Raises Unknown."""
    labels: set[str] = set()
    names = 0
    for selector in _SELECTOR.finditer(expression):
        if selector["name"] not in samples:
            raise Unknown(f"no metric {selector['name']}: {expression}")
        has = samples[selector["name"]]
        for label in _MATCHER.findall(selector["matchers"] or ""):
            if label not in has:
                raise Unknown(f"{selector['name']} has no label {label}: {expression}")
        labels |= has
        names += 1
    if not names:
        raise Unknown(f"no metric at all: {expression}")
    for listed in _LISTED.findall(expression):
        for label in re.findall(r"\w+", listed):
            if label not in labels:
                raise Unknown(f"no label {label}: {expression}")
    grouped = {label for listed in _GROUPED.findall(expression) for label in re.findall(r"\w+", listed)}
    return frozenset((labels & grouped) - {"le"} if " by (" in expression else labels)
