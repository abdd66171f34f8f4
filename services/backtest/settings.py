"""The backtest service's settings, shared by the service and its workers."""

import os
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from services.backtest.job_queue import OF_ALL, PER_OWNER
from shared.runtime.settings import Days, Port, Settings, WriterSettings


@dataclass(frozen=True, kw_only=True)
class BacktestSettings(Settings, WriterSettings):
    """Read from the environment. BACKTEST_PORT serves health.

    `backtest_jobs_per_owner` and `backtest_jobs` are how many jobs may be unfinished: see JobQueue. Jobs that have
    ended are kept for `jobs_kept_days`, uploads that nobody has read for `uploads_kept_days`.
    """

    port: Port = field(default=0, metadata={"variable": "BACKTEST_PORT"})
    backtest_workers: Annotated[int, Meta(ge=0, le=256)] = 0
    backtest_jobs_per_owner: Annotated[int, Meta(ge=1, le=1_000_000)] = PER_OWNER
    backtest_jobs: Annotated[int, Meta(ge=1, le=100_000_000)] = OF_ALL
    jobs_kept_days: Days = 7.0
    uploads_kept_days: Days = 1.0

    def workers(self) -> int:
        """Return the number of worker processes: unless it is set, the number of cores this process may use."""
        return self.backtest_workers or len(os.sched_getaffinity(0))
