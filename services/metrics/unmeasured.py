"""The metrics service where METRICS_ENABLED is false: it reads no timings, and says so to whoever asks for metrics."""

from typing import Final, NoReturn

from services.metrics.core.aggregate import Snapshot
from shared.contracts.errors import NotFound
from shared.contracts.messages import RenderMetrics
from shared.runtime.bus.server import Answer, Call

NOTHING: Final = "Nothing is measured: METRICS_ENABLED is false for the metrics service"


class Unmeasured:
    """Answers in place of MetricsHandlers. Zeros would look like a system at rest, or like one that is down."""

    async def render(self, _: RenderMetrics, __: Call) -> Answer:
        """Raise NotFound."""
        _refuse()

    async def snapshot(self, _: float) -> Snapshot:
        """Raise NotFound."""
        _refuse()


def _refuse() -> NoReturn:
    raise NotFound(NOTHING)
