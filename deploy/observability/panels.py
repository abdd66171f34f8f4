"""Grafana dashboards in few words: a board of panels, each of queries and a unit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "heatmap"]

WIDTH: Final = 24
"""Columns of Grafana's grid."""
# Whichever Prometheus is chosen at the top of the page.
_SOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `queries` are PromQL and what a line of its result is called; `unit` is one of Grafana's."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    red_from: float | None = None

    def json(self, number: int, x: int, y: int) -> Json:
        """Return it as Grafana stores it, at this place of the grid."""
        steps: list[Json] = [{"color": "green", "value": None}]
        if self.red_from is not None:
            steps.append({"color": "red", "value": self.red_from})
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "datasource": _SOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {
                "defaults": {"unit": self.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
                "overrides": [],
            },
            "options": _OPTIONS[self.kind],
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": _SOURCE,
                    "expr": query,
                    "legendFormat": legend,
                    "format": "heatmap" if self.kind == "heatmap" else "time_series",
                }
                for place, (query, legend) in enumerate(self.queries)
            ],
        }


_OPTIONS: Final[dict[Kind, Json]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name"},
    "heatmap": {"calculate": False, "yAxis": {"unit": "s"}},
}


# The other dashboards, opened with the times and the Prometheus that are looked at.
_OTHERS: Final[Json] = {
    "title": "Aurelius",
    "type": "dashboards",
    "tags": ["aurelius"],
    "icon": "external link",
    "tooltip": "",
    "asDropdown": True,
    "targetBlank": False,
    "includeVars": True,
    "keepTime": True,
}


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; `name` is that of its file and its address."""

    name: str
    title: str
    panels: Sequence[Panel]

    def json(self) -> Json:
        """Return it as Grafana stores it."""
        return {
            "uid": f"aurelius-{self.name}",
            "title": f"Aurelius / {self.title}",
            "tags": ["aurelius"],
            "schemaVersion": 39,
            "version": 1,
            "editable": False,
            "timezone": "browser",
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
            "links": [_OTHERS],
            "panels": list(self._placed()),
        }

    def _placed(self) -> Iterator[Json]:
        """Yield the panels from left to right; who finds no room begins a row."""
        x = y = height = 0
        for number, panel in enumerate(self.panels, start=1):
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            yield panel.json(number, x, y)
            x, height = x + panel.width, max(height, panel.height)


def rate(counter: str, *labels: str) -> str:
    """PromQL: how often a second, by these labels."""
    return f"sum by ({', '.join(labels)}) (rate({counter}[$__rate_interval]))"


def quantile(share: float, histogram: str, *labels: str, where: str = "") -> str:
    """PromQL: what this share of the observations lies below, by these labels."""
    chosen = f"{{{where}}}" if where else ""
    buckets = f"rate({histogram}_bucket{chosen}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({', '.join((*labels, 'le'))}) ({buckets}))"
