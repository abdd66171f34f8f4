"""The page about the cache shows what the checker finds, and names what there is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from services.gateway.settings import GatewaySettings
from services.metrics.core.names import METRICS
from services.metrics.settings import MetricsSettings
from shared.runtime.environment import variable
from tests.model.__main__ import report
from tests.model.runs import ALL

PAGE = (Path(__file__).parents[2] / "docs" / "cache.md").read_text()
SHOWN = re.findall(r"<!-- python -m tests\.model (\S+) -->\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("name", "text"), SHOWN, ids=[name for name, _ in SHOWN])
def test_a_trace_on_the_page_is_what_the_checker_prints(name: str, text: str) -> None:
    """Line by line."""
    assert text in f"{report(name, ALL[name], ALL[name]())}\n"


def test_the_naive_protocol_is_shown() -> None:
    """The trace is on the page, and it is that of the promise which everybody understands."""
    assert [(name, text.partition("\n")[0]) for name, text in SHOWN] == [("delete-on-write", "LIN is broken:")]


def test_each_metric_on_the_page_exists() -> None:
    """Under that name."""
    named = set(re.findall(r"`(aurelius_\w+)", PAGE))
    assert len(named) > 10
    assert named <= {metric.name for metric in METRICS}


def test_each_setting_on_the_page_exists() -> None:
    """As a variable of the gateway, of the metrics service or of who writes."""
    named = set(re.findall(r"`(CACHE_[A-Z0-9_]+)`", PAGE))
    services = (GatewaySettings, MetricsSettings)
    known = {variable(of, each.name) for of in services for each in fields(of)} | {"CACHE_POLICY"}
    assert len(named) > 5
    assert named <= known


@pytest.mark.parametrize("command", re.findall(r"^python -m tests\.model (\w[\w-]*)", PAGE, re.MULTILINE))
def test_each_run_on_the_page_exists(command: str) -> None:
    """So that it can be typed as it stands."""
    assert command == "short" or command in ALL
