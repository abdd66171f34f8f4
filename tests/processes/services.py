"""Each service as a deployment runs it: its module, and what it is given."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from shared.runtime.tests.processes import Program, program
from tests.databases import service_url

SECRET_KEY = "0123456789abcdef" * 4
# The backtest service compiles the engine, unless that was done before.
FIRST_START = 600.0
INNER = ("strategy", "backtest", "invalidator", "metrics")


@dataclass(frozen=True)
class Servers:
    """Where everything is. `database_url` is the owner's."""

    database_url: str
    bus_url: str
    cache_url: str
    folder: Path

    def run(self, name: str, **environ: str) -> AbstractAsyncContextManager[Program]:
        """Run a service; `worker` is a worker process of the backtest service."""
        given: Mapping[str, str] = {
            "BUS_URL": self.bus_url,
            "REDIS_URL": self.cache_url,
            "SECRET_KEY": SECRET_KEY,
            "DATA_DIR": str(self.folder),
            "BACKTEST_WORKERS": "1",
            "DRAIN_SECONDS": "20",
        }
        if name in ("strategy", "backtest", "worker"):
            given = {**given, "DATABASE_URL": service_url(self.database_url, "backtest" if name == "worker" else name)}
        port_variable = "PORT" if name == "gateway" else f"{name.upper()}_PORT"
        return program(module_of(name), port_variable, {**given, **environ})


def module_of(name: str) -> str:
    """Return what follows `python -m`."""
    return "services.backtest.worker" if name == "worker" else f"services.{name}"
