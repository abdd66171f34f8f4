"""A strategy tried out on made-up bars: whether what it decides depends on bars that come later."""

import threading
from datetime import datetime

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.core.language import check_spec
from services.backtest.core.prefix import run_prefix_test
from services.backtest.job_kinds.work import Told
from services.backtest.store.jobs import Job, Kind
from services.backtest.store.prefix_tests import Task, read_task, store_evidence, store_failure
from services.backtest.threads import in_thread, unless
from shared.contracts.errors import Invalid, NotFound
from shared.contracts.values import PrefixEvidence
from shared.runtime.database import Connection

OTHER_ENGINE = "This test is of another version of the engine; store the spec or run it once more"


class PrefixTestWork:
    """Runs prefix tests. One that finds a dependency has succeeded as a job: that is its result."""

    KIND = Kind.PREFIX_TEST
    METHOD = "prefix_test.run"

    async def begin(self, connection: Connection, job: Job, now: datetime) -> tuple[Task, Told]:
        """Return the spec. Raises NotFound when the test does not wait any more."""
        task = await read_task(connection, job.subject)
        if task is None:
            raise NotFound("There is no such test any more")
        return task, []

    async def compute(self, job: Job, task: Task, stop: threading.Event) -> PrefixEvidence:
        """Try the strategy out. Raises Invalid for a spec that this engine does not read or cannot try."""
        if task.engine_version != ENGINE_VERSION:
            raise Invalid(OTHER_ENGINE)
        return await in_thread(_compute, task.spec, stop)

    async def succeed(
        self, connection: Connection, job: Job, task: Task, result: PrefixEvidence, now: datetime
    ) -> Told:
        """Store what was found."""
        await store_evidence(connection, job.subject, result, now)
        return []

    async def fail(self, connection: Connection, job: Job, error: str, now: datetime) -> Told:
        """Store why nothing was found."""
        await store_failure(connection, job.subject, error, now)
        return []

    async def discard(self, result: PrefixEvidence) -> None:
        """There are no files."""


def _compute(spec: object, stop: threading.Event) -> PrefixEvidence:
    return run_prefix_test(check_spec(spec), unless(stop))
