"""Dashboards are what the code says, and every query, also of rules and alerts, is answered by a real Prometheus."""

import json
import math
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import combinations

import pytest

from deploy.observability.__main__ import FOLDER as DASHBOARDS
from deploy.observability.__main__ import files
from deploy.observability.panels import WIDTH, Json
from deploy.observability.tests.files import ALERTS, FOLDER, RECORDED, needs_prometheus
from deploy.observability.tests.promql import known, spoken_of
from deploy.observability.tests.sample import served
from deploy.observability.tests.scraping import Answer, Prometheus, prometheus
from services.metrics.core.names import METRICS
from shared.runtime.tests.eventually import eventually

# What Grafana makes of it when a pixel is less than a minute.
INTERVAL = "4m"


@dataclass(frozen=True)
class Query:
    """One line of a panel, a rule or an alert."""

    where: str
    expression: str
    legend: str = ""


def boards() -> list[tuple[str, Json]]:
    """The dashboards as Grafana finds them."""
    return [(file.stem, json.loads(file.read_text())) for file in sorted(DASHBOARDS.glob("*.json"))]


PANELS = [(name, panel) for name, board in boards() for panel in board["panels"]]
SHOWN = [
    Query(f"{name}: {panel['title']} {target['refId']}", target["expr"], target["legendFormat"])
    for name, panel in PANELS
    for target in panel["targets"]
]
RULES = [Query(f"{rule.record} {number}", rule.expr) for number, rule in enumerate(RECORDED)]
# An alert that is not to fire has no series. Asked whether it is so, rather than for those where it is, it has.
ASKED = [Query(alert.alert, re.sub(r" (==|>|<) (?=[\d.])", r" \1 bool ", alert.expr)) for alert in ALERTS]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """A Prometheus that has scraped the platform's metrics several times."""
    with served() as target:
        async with prometheus(tmp_path_factory.mktemp("prometheus"), target) as started:
            yield started


def test_the_files_are_what_the_code_says() -> None:
    """`python -m deploy.observability` writes them anew."""
    assert {path: path.read_text() for path in DASHBOARDS.iterdir()} == dict(files())


@needs_prometheus
@pytest.mark.parametrize("query", [*SHOWN, *RULES, *ASKED], ids=lambda query: query.where)
async def test_every_query_is_answered(running: Prometheus, query: Query) -> None:
    """With at least one series that has a number, and every label that its line is called by."""
    answer: Answer = []

    async def is_answered() -> bool:  # a machine that is busy misses a scrape, and then there are none for a second
        answer[:] = await running.ask(query.expression.replace("$__rate_interval", INTERVAL))
        return any(not math.isnan(value) for _, value in answer)

    await eventually(is_answered)
    for labels, _ in answer:
        assert labels.keys() >= set(re.findall(r"{{(\w+)}}", query.legend))


@needs_prometheus
async def test_the_rules_have_recorded(running: Prometheus) -> None:
    """Each under its name; and nothing is evaluated with an error."""
    for rule in RECORDED:
        labels = ", ".join(f'{name}="{value}"' for name, value in rule.labels.items())
        assert await running.ask(f"last_over_time({rule.record}{{{labels}}}[1m])"), rule.record
    assert await running.healths() == ["ok"] * len([*RECORDED, *ALERTS])


@pytest.mark.parametrize("query", [*SHOWN, *RULES], ids=lambda query: query.where)
def test_queries_speak_of_metrics_and_labels_that_there_are(query: Query) -> None:
    """Of the table of metrics, or recorded."""
    spoken_of(query.expression, known())


def test_every_metric_is_shown_somewhere() -> None:
    """By itself, or in what a rule makes of it."""
    everything = " ".join(query.expression for query in [*SHOWN, *RULES])
    assert [
        metric.name for metric in METRICS if not re.search(rf"\b{metric.name}(_bucket|_count)?\b", everything)
    ] == []


def test_every_recorded_rule_is_used() -> None:
    """By a dashboard, an alert or another rule."""
    everything = " ".join(query.expression for query in [*SHOWN, *RULES, *ASKED])
    assert [rule.record for rule in RECORDED if rule.record not in everything] == []


@pytest.mark.parametrize(("name", "board"), boards(), ids=lambda value: value if isinstance(value, str) else "")
def test_panels_are_told_apart_and_lie_side_by_side(name: str, board: Json) -> None:
    """None over another, none beyond the edge."""
    panels = board["panels"]
    assert board["uid"] == f"aurelius-{name}"
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= WIDTH for place in places)
    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )


@pytest.mark.parametrize(("name", "board"), boards(), ids=lambda value: value if isinstance(value, str) else "")
def test_dashboards_have_what_their_schema_wants(name: str, board: Json) -> None:
    """What has no default in kinds/dashboard/dashboard_kind.cue of Grafana; what is looked at is kept by each link."""
    assert board.keys() >= {"uid", "title", "schemaVersion", "panels", "templating", "time"}
    (variable,) = board["templating"]["list"]
    assert variable.keys() >= {"type", "name"}
    (link,) = board["links"]
    assert link.keys() >= {"title", "type", "icon", "tooltip", "tags", "asDropdown", "targetBlank"}
    assert (link["keepTime"], link["includeVars"], set(link["tags"])) == (True, True, set(board["tags"]))
    for panel in board["panels"]:
        assert panel.keys() >= {"type", "datasource", "fieldConfig", "gridPos", "options", "targets"}
        assert panel["datasource"]["uid"] == f"${{{variable['name']}}}"
        thresholds = panel["fieldConfig"]["defaults"]["thresholds"]
        assert thresholds["mode"] == "absolute"
        values = [step["value"] for step in thresholds["steps"]]
        assert values == [None, *sorted(values[1:])]


def test_grafana_is_told_where_all_this_is() -> None:
    """The dashboards' folder and the name of the data source's file."""
    names = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "grafana").rglob("*.yml")}
    assert names == {
        "grafana/provisioning/dashboards/aurelius.yml",
        "grafana/provisioning/datasources/aurelius.yml",
    }
