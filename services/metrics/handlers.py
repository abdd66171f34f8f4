"""What the metrics service does: take in batches of timings, and answer with what they add up to."""

import asyncio
import contextlib
import gzip
import logging
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.metrics.core.aggregate import Aggregate, Applied, Snapshot
from services.metrics.core.document import document
from services.metrics.core.http_series import shown_http
from services.metrics.exposition import Exposition
from services.metrics.figures import Figures
from services.metrics.history import BEGINNING, KEEP_SECONDS, Kept, Place, keep, place_of, read_history, read_kept
from shared.contracts.errors import Unavailable
from shared.contracts.messages import RenderMetrics
from shared.contracts.streams import TIMINGS
from shared.contracts.timings import TimingBatch
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.server import Answer, Call
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

GZIP_LEVEL: Final = 1
INLINE: Final = 512 * 1024
"""Bytes that are compressed in a millisecond or two, which is less than a thread takes to begin on a busy machine."""

_BATCH = msgspec.json.Decoder(TimingBatch)
_UNREADABLE = (KeyError, msgspec.DecodeError)


class MetricsHandlers:
    """One aggregate for the life of the process. Until `read_past` is done nothing is answered: a total that is still
    being read in would look like a counter that fell.
    """

    def __init__(self, figures: Figures, timings: Timings) -> None:
        self._figures = figures
        self._timings = timings
        self._aggregate = Aggregate()
        self._place = BEGINNING
        self._past_known = asyncio.Event()
        self._rendering = asyncio.Lock()
        self._exposition = Exposition()

    async def read_past(self, client: Redis) -> Place:
        """Take in what was kept, and what the bus holds of the time after it; return the place that it ends at."""
        kept = await read_kept(client)
        if kept is not None:
            self._place, self._aggregate = kept.place, Aggregate(kept.state)
        await read_history(client, self._place, self._recall)
        self._past_known.set()
        return self._place

    async def keep_totals(self, client: Redis) -> None:
        """Keep what is known every KEEP_SECONDS until cancelled."""
        await self._past_known.wait()
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            try:
                await self._keep(client)
            except (RedisError, OSError) as error:
                log.warning("the totals cannot be kept: %s", error)

    async def absorb(self, entries: list[Entry]) -> None:
        """Take in new batches. Those that cannot be read are counted and left out: the next ones say it all again."""
        for entry in entries:
            try:
                applied = self._apply(entry)
            except _UNREADABLE as error:
                log.info("the entry %s of %s is no batch of timings: %r", entry.id.decode(), TIMINGS, error)
                self._timings.count("timing_batches", outcome="unreadable")
            else:
                self._timings.count("timing_batches", outcome="applied" if applied.fresh else "stale")
                for reason, number in applied.refused.items():
                    self._timings.count("timing_series_refused", number, reason=reason)
            await asyncio.sleep(0)  # a full batch takes a millisecond; requests come first

    async def render(self, message: RenderMetrics, call: Call) -> Answer:
        """Answer with the body in the form asked for. Raises Unavailable when the caller's time is up before that."""
        await self._know_past(call.seconds_left)
        async with self._rendering:
            if call.seconds_left <= 0:
                raise Unavailable("More metrics are asked for than can be rendered")
            snapshot = self._aggregate.snapshot()
            if message.form == "json":
                return Answer(document(snapshot, self._figures.machine, self._figures.cache))
            series = {**shown_http(snapshot.series), **self._figures.series()}
            text = await self._exposition.render(series, message.form)
            return Answer(await _compressed(text) if message.compressed else text)

    async def snapshot(self, seconds: float) -> Snapshot:
        """Return what was measured by now, of the past too. Raises Unavailable when that is not known in time."""
        await self._know_past(seconds)
        return self._aggregate.snapshot()

    async def _keep(self, client: Redis) -> None:
        await keep(client, Kept(self._place, self._aggregate.state()))

    async def _know_past(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._past_known.wait()
        except TimeoutError as error:
            raise Unavailable("The metrics of the past are still being read") from error

    async def _recall(self, entries: list[Entry]) -> None:
        for entry in entries:
            with contextlib.suppress(*_UNREADABLE):  # complained of when it was new
                self._apply(entry)
            await asyncio.sleep(0)

    def _apply(self, entry: Entry) -> Applied:
        place = place_of(entry.id)
        applied = self._aggregate.apply(_BATCH.decode(entry.fields[b"batch"]), place[0] / 1000)
        self._place = max(self._place, place)
        return applied


async def _compressed(text: bytes) -> bytes:
    if len(text) <= INLINE:
        return gzip.compress(text, GZIP_LEVEL)
    return await asyncio.to_thread(gzip.compress, text, GZIP_LEVEL)
