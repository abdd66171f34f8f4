"""What a worker measures of its jobs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from services.backtest.store.jobs import Job
from shared.runtime.timings import Timings

Outcome = Literal["succeeded", "failed", "left"]
Stage = Literal["wait", "compute", "store"]


class JobFigures:
    """Measures one job after another. `became` says what became of the one that is being done."""

    def __init__(self, timings: Timings | None = None) -> None:
        self._timings = timings
        self._kind = ""
        self._begun = 0.0
        self.became: Outcome = "left"

    def begin(self, job: Job) -> None:
        """Note that a job has been taken."""
        self._kind, self._begun, self.became = job.kind, time.perf_counter(), "left"
        if self._timings is not None and job.attempts > 1:
            self._timings.count("jobs_taken_again", kind=job.kind)
        else:
            self._observe("wait", max(0.0, job.waited))

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Measure a stage of the job, however it ends."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._observe(stage, time.perf_counter() - begun)

    def end(self) -> None:
        """Note that the job is not this worker's any more."""
        if self._timings is not None:
            took = time.perf_counter() - self._begun
            self._timings.observe("job_duration", took, kind=self._kind, outcome=self.became)

    def _observe(self, stage: Stage, seconds: float) -> None:
        if self._timings is not None:
            self._timings.observe("job_stage_duration", seconds, kind=self._kind, stage=stage)
