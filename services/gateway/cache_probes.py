"""What this process would serve by itself right now, told to the metrics service, which compares it with the database.

The question comes over the bus, past the cache's feed, and is answered by the judgement of the hit path: that this
process has missed an announcement is seen.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.cache.local import LocalCache
from shared.contracts.cache_probes import CacheProbe, CacheShown
from shared.contracts.streams import CACHE_PROBES, CACHE_SHOWN
from shared.runtime.bus.connection import Entry, subscribe
from shared.runtime.bus.writer import StreamWriter

KEPT: Final = 1000

_PROBE = msgspec.json.Decoder(CacheProbe)


class CacheProbes:
    """Answers for the process of this name; `clock` is the one that the cache is served by.

    Its reader is no part of the process's readiness: a checker that cannot ask is no reason to answer nobody.
    """

    def __init__(
        self, broker: RedisBroker, writer: StreamWriter, process: str, local: LocalCache, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._process = process
        self._local = local
        self._clock = clock
        # From the beginning, which is a hundred questions ago: who asked them waits no more, and leaves the answers.
        self.subscriber: StreamBatchSubscriber = subscribe(broker, CACHE_PROBES, self._receive, last_id="0")

    async def _receive(self, entries: list[Entry]) -> None:
        for entry in entries:
            try:
                probe = _PROBE.decode(entry.fields.get(b"probe", b""))
            except msgspec.MsgspecError:
                continue  # written by a version this one does not know
            shown = CacheShown(probe=probe.id, process=self._process, versions=self._shown(probe.objects))
            self._writer.post("XADD", CACHE_SHOWN, "MAXLEN", "~", KEPT, "*", "shown", msgspec.json.encode(shown))

    def _shown(self, objects: list[str]) -> dict[str, int]:
        now = self._clock()
        lowest = ((obj, self._local.shown(obj, now)) for obj in objects)
        return {obj: version for obj, version in lowest if version is not None}
