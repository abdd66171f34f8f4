"""What this process would serve by itself right now, told to the metrics service, which compares it with the database.

The question comes over the bus, past the cache's feed, and is answered by the judgement of the hit path: that this
process has missed an announcement is seen.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from services.gateway.broadcast import hear
from services.gateway.coded_answers import some_coded
from services.gateway.recipes import Recipes
from shared.cache.keys import variant_segment
from shared.cache.local import LocalCache
from shared.cache.record import Entry, digest_of
from shared.contracts.cache_probes import AnswerShown, CacheProbe, CacheShown, ShownBy
from shared.contracts.streams import CACHE_PROBES, CACHE_SHOWN
from shared.runtime.bus.writer import StreamWriter

log = logging.getLogger(__name__)

KEPT: Final = 1000
ANSWERS: Final = 16
"""So many answers are shown of what this process holds of an object."""


class CacheProbes:
    """Answers for the process of this name; `clock` is the one that the cache is served by. Run `run` beside it.

    Its reader is no part of the process's readiness: a checker that cannot ask is no reason to answer nobody.
    """

    def __init__(
        self,
        broker: RedisBroker,
        writer: StreamWriter,
        process: str,
        local: LocalCache,
        clock: Callable[[], float],
        recipes: Recipes,
    ) -> None:
        self._writer = writer
        self._process = process
        self._local = local
        self._clock = clock
        self._recipes = recipes
        self._deep: asyncio.Queue[CacheProbe] = asyncio.Queue(1)
        # What is read first was asked up to a hundred questions ago: who asked it waits no more.
        self.subscriber: StreamBatchSubscriber = hear(broker, CACHE_PROBES, b"probe", CacheProbe, self._heard)

    def _heard(self, probe: CacheProbe) -> None:
        if probe.names:
            self._tell(CacheShown(probe=probe.id, process=self._process, names=self._any_name()))
        elif not probe.answers:
            self._tell(CacheShown(probe=probe.id, process=self._process, versions=self._shown(probe.objects)))
        elif not self._deep.full():  # one at a time: they cost requests, and whoever asks has time
            self._deep.put_nowait(probe)

    async def run(self) -> None:
        """Show answers whenever that is asked, until cancelled."""
        while True:
            probe = await self._deep.get()
            try:
                answers = [shown for obj in probe.objects[:1] for shown in await self._answers(obj)]
            except Exception:  # whatever it is, no reader may suffer from who checks
                log.exception("the answers about %s cannot be shown", probe.objects)
            else:
                self._tell(CacheShown(probe=probe.id, process=self._process, answers=answers))

    def _shown(self, objects: list[str]) -> dict[str, int]:
        now = self._clock()
        lowest = ((obj, self._local.shown(obj, now)) for obj in objects)
        return {obj: version for obj, version in lowest if version is not None}

    def _any_name(self) -> list[str]:
        """Return one of the objects that this process holds answers about, or knows how to ask about."""
        known = [*self._local.objects(), *self._recipes.objects()]
        return random.sample(known, min(1, len(known)))

    async def _answers(self, obj: str) -> list[AnswerShown]:
        """Return what this process would answer by itself, and what the service answers now to what it was asked.

        Some of what it would answer in a content coding is there as well, by what that says when it is plain again.
        """
        serving = self._local.serving(obj, self._clock())[:ANSWERS]
        held = [_shown(each.key[1], "l1", each.entry) for each in serving]
        coded = some_coded(serving)
        plain = await asyncio.to_thread(lambda: [(each.variant, each.plain()) for each in coded])
        made = await self._recipes.make_again(obj)
        sent = (_shown(variant, "l1", entry) for variant, entry in plain)
        return [*held, *sent, *(_shown(variant, "database", entry) for variant, entry in made)]

    def _tell(self, shown: CacheShown) -> None:
        self._writer.post("XADD", CACHE_SHOWN, "MAXLEN", "~", KEPT, "*", "shown", msgspec.json.encode(shown))


def _shown(variant: str, by: ShownBy, entry: Entry) -> AnswerShown:
    return AnswerShown(variant=variant_segment(variant), by=by, version=entry.version, digest=digest_of(entry))
