"""The backtest service's settings, shared by the service and its workers."""

import os
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from shared.runtime.settings import DatabaseSettings, Port, Settings


@dataclass(frozen=True, kw_only=True)
class BacktestSettings(Settings, DatabaseSettings):
    """Read from the environment. BACKTEST_PORT serves health."""

    port: Port = field(default=0, metadata={"variable": "BACKTEST_PORT"})
    backtest_workers: Annotated[int, Meta(ge=0, le=256)] = 0

    def workers(self) -> int:
        """Return the number of worker processes: unless it is set, the number of cores this process may use."""
        return self.backtest_workers or len(os.sched_getaffinity(0))
