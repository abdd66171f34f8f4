"""What is in the folder, as the tests ask about it."""

import os
import shutil
from collections.abc import Iterator

import msgspec
import pytest

from deploy.locks import ROOT

FOLDER = ROOT / "deploy/observability"
RULE_TESTS = sorted((FOLDER / "rules/tests").glob("*.yml"))
PROMTOOL = shutil.which("promtool")
PROMETHEUS = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(
    None in {PROMTOOL, PROMETHEUS} and not os.environ.get("CI"),
    reason="prometheus and promtool are not installed (Debian's package prometheus)",
)


class Rule(msgspec.Struct, frozen=True):
    """A recording rule or an alert."""

    expr: str
    record: str = ""
    alert: str = ""
    for_: str = msgspec.field(default="", name="for")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(msgspec.Struct):
    """Rules that are evaluated one after another."""

    name: str
    rules: list[Rule]


class Groups(msgspec.Struct):
    """A file of rules."""

    groups: list[Group]


class AlertTest(msgspec.Struct):
    """What one alert should do at one time."""

    alertname: str
    exp_alerts: list[object] = []


class RuleTest(msgspec.Struct):
    """One set of series, and what is expected of it."""

    alert_rule_test: list[AlertTest]


class RuleTests(msgspec.Struct):
    """A file of promtool's unit tests."""

    tests: list[RuleTest]


def rules(name: str) -> list[Rule]:
    """The rules of a file, in order."""
    groups = msgspec.yaml.decode((FOLDER / "rules" / name).read_bytes(), type=Groups)
    return [rule for group in groups.groups for rule in group.rules]


RECORDED = rules("recording.yml")
ALERTS = rules("alerts.yml")


def alert_tests() -> Iterator[AlertTest]:
    """What all unit tests expect of alerts."""
    for file in RULE_TESTS:
        for test in msgspec.yaml.decode(file.read_bytes(), type=RuleTests).tests:
            yield from test.alert_rule_test
