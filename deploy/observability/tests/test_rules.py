"""Rules and alerts: valid to Prometheus' own tool, tested one by one, and of metrics that there are."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from deploy.locks import ROOT
from deploy.observability.tests.files import (
    ALERTS,
    FOLDER,
    PROMTOOL,
    RECORDED,
    RULE_TESTS,
    Rule,
    alert_tests,
    needs_prometheus,
)
from deploy.observability.tests.promql import Unknown, known, spoken_of

RUNBOOKS = (ROOT / "docs/runbooks.md").read_text()


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None, "install promtool (Debian's package prometheus)"
    return subprocess.run([PROMTOOL, *arguments], cwd=FOLDER, capture_output=True, check=False, text=True, timeout=60)


@needs_prometheus
def test_promtool_finds_the_configuration_valid() -> None:
    """With the files of rules and targets that it names."""
    check = promtool("check", "config", "prometheus.yml")
    assert check.returncode == 0, check.stdout + check.stderr
    assert "2 rule files found" in check.stdout


@needs_prometheus
@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_not_otherwise(file: Path) -> None:
    """`promtool test rules`, with every word that an alert says."""
    check = promtool("test", "rules", file)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.alert)
def test_each_alert_has_a_test_that_it_fires_and_one_that_it_does_not(alert: Rule) -> None:
    """No alert is believed."""
    expected = [test.exp_alerts for test in alert_tests() if test.alertname == alert.alert]
    assert any(expected)
    assert not all(expected)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.alert)
def test_each_alert_leads_to_its_runbook(alert: Rule) -> None:
    """To a section that says what it means, how to look and what to do."""
    assert alert.labels.keys() == {"severity"}
    assert alert.labels["severity"] in {"critical", "warning"}
    assert alert.annotations.keys() == {"summary", "description", "runbook_url"}
    assert alert.annotations["runbook_url"] == f"docs/runbooks.md#{alert.alert.lower()}"
    section = re.search(rf"^## {alert.alert}\n(.*?)(?=^## |\Z)", RUNBOOKS, flags=re.MULTILINE | re.DOTALL)
    assert section is not None
    assert re.findall(r"^\*\*(\w+)\.\*\* \S", section[1], flags=re.MULTILINE) == ["Means", "Look", "Do"]


def test_no_runbook_is_of_an_alert_that_there_is_not() -> None:
    """In the order of the alerts."""
    assert re.findall(r"^## (.*)", RUNBOOKS, flags=re.MULTILINE) == [alert.alert for alert in ALERTS]


def test_no_name_is_given_twice() -> None:
    """Of alerts; and of records only with labels that tell them apart."""
    assert len({alert.alert for alert in ALERTS}) == len(ALERTS)
    assert max(Counter((rule.record, *sorted(rule.labels.items())) for rule in RECORDED).values()) == 1


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.alert)
def test_alerts_speak_of_metrics_and_labels_that_there_are(alert: Rule) -> None:
    """Of the table of metrics, or recorded; in what they say as well as in what they ask."""
    labels = spoken_of(alert.expr, known())
    said = set(re.findall(r"\$labels\.(\w+)", " ".join(alert.annotations.values())))
    assert said <= labels


@pytest.mark.parametrize(
    "expression",
    [
        "aurelius_http_request_total",
        'rate(aurelius_http_requests_total{code="500"}[5m])',
        "sum by (status_class) (rate(aurelius_http_requests_total[5m]))",
        "aurelius_http_request_duration_seconds",
        "aurelius_http_requests_total_bucket",
        "job:aurelius_http_request:rate5m",
        'job:aurelius_http_requests:rate5m{route="/"}',
        "sum by (le) (aurelius_http_request_duration_seconds_sum)",
        "1 + 1",
    ],
)
def test_what_there_is_not_is_found(expression: str) -> None:
    """A misspelt metric, a label of another one, a histogram without its samples."""
    with pytest.raises(Unknown):
        spoken_of(expression, known())
