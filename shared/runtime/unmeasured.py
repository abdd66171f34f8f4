"""What a process has in place of its timings where METRICS_ENABLED is false: it counts, times and reports nothing.

Whoever measures calls the same names, so that nothing on the way of a request asks whether it should.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from shared.contracts.errors import Unavailable
from shared.contracts.streams import TIMINGS
from shared.contracts.timings import Counter, Gauge
from shared.runtime.bus.writer import Answer, StreamWriter
from shared.runtime.timings import SEND_SECONDS, Series, Timings

# No entry may have this id: the server refuses it, and makes no stream for it. Whether it takes any entry at all, which
# goes by its memory, its disk, its role and the user's rights, it has looked at before that.
_NEVER: Final = "0-0"
_ASKING: Final = ("XADD", TIMINGS, _NEVER, "batch", "")


class Unheard(Series):
    """A histogram in which nothing is counted; its name and labels are what they would be."""

    __slots__ = ()

    def add(self, seconds: float) -> None:
        """Count nothing."""


class NoTimings(Timings):
    """Collects nothing and sends no batch. `refused` is told as by Timings: why the bus takes no messages, or None."""

    measures: ClassVar[bool] = False

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Count nothing."""

    def series(self, name: str, **labels: str) -> Series:
        """Return one that counts nothing."""
        return Unheard(name, labels)

    def observe_http(self, seconds: float, *, method: str, route: str, status: str) -> None:
        """Count nothing."""

    def observe_in(self, series: Series, seconds: float) -> None:
        """Count nothing."""

    def observe_stages(self, stages: Mapping[str, float]) -> None:
        """Count nothing."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count nothing."""

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Never read it."""

    def counters_from(self, source: Callable[[], list[Counter]]) -> None:
        """Never ask it."""

    def gauges_from(self, source: Callable[[], list[Gauge]]) -> None:
        """Never ask it."""

    async def run(self, writer: StreamWriter) -> None:
        """Ask every second whether the bus takes messages, which batches would tell, until cancelled."""
        while True:
            try:
                writer.submit(*_ASKING).add_done_callback(self._note)
            except Unavailable as error:
                self.refused = error
            await asyncio.sleep(SEND_SECONDS)

    def send(self, writer: StreamWriter, *, last: bool = False) -> None:
        """Send nothing."""

    def _note(self, sent: asyncio.Future[Answer]) -> None:
        error = None if sent.cancelled() else sent.exception()
        self.refused = None if error is None or _NEVER in str(error.__cause__) else error
