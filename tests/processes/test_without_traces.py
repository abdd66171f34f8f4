"""What a process is spared while nobody wants traces."""

import os
import subprocess
import sys

import pytest

from deploy.locks import ROOT

# As `python -m` does it. The settings are refused when everything has been imported; what is composed then is in the
# second half, where settings that are good are given by hand.
STARTED = """
import importlib, runpy, sys
name, package, kind, endpoint = sys.argv[1:]
try:
    runpy.run_module(name, run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert end.code == 1, end.code
kind = getattr(importlib.import_module(f"services.{name.split('.')[1]}.settings"), kind)
given = {"secret_key": "0123456789abcdef" * 4, "database_url": "postgresql://127.0.0.1:1/none"}
known = {name: each for name, each in given.items() if name in kind.__dataclass_fields__}
service = importlib.import_module(package).compose(kind(**known, otel_exporter_otlp_endpoint=endpoint))
tops = ("opentelemetry", "google", "requests", "urllib3")
print(service.tracer is not None, *[top for top in tops if sys.modules.get(top) is not None])
"""
PROCESSES = {
    "services.gateway": ("services.gateway.app", "GatewaySettings"),
    "services.strategy": ("services.strategy.app", "StrategySettings"),
    "services.backtest": ("services.backtest.app", "BacktestSettings"),
    "services.backtest.worker": ("services.backtest.worker", "BacktestSettings"),
    "services.invalidator": ("services.invalidator.app", "InvalidatorSettings"),
    "services.metrics": ("services.metrics.app", "MetricsSettings"),
}


def loaded(name: str, endpoint: str) -> list[str]:
    """Start a process as far as it goes without servers; return whether it makes traces, and with what."""
    command = [sys.executable, "-c", STARTED, name, *PROCESSES[name], endpoint]
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "LOG_LEVEL": "refused", "PATH": os.environ["PATH"]}
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "LOG_LEVEL must be" in run.stderr
    return run.stdout.split()


@pytest.mark.parametrize("name", PROCESSES)
def test_nothing_of_the_libraries_is_loaded(name: str) -> None:
    """Neither what makes spans nor what sends them, nor what other libraries import because it is installed."""
    assert loaded(name, "") == ["False"]


def test_they_are_loaded_once_a_collector_is_named() -> None:
    """Or the test before would prove nothing."""
    made, *libraries = loaded("services.invalidator", "http://127.0.0.1:1")
    assert made == "True"
    assert "opentelemetry" in libraries
