"""The invalidator's composition: one place where everything is made and wired."""

from services.invalidator.handlers import Invalidator
from services.invalidator.overdue import OverdueEvents
from services.invalidator.purges import Purges
from services.invalidator.settings import InvalidatorSettings
from shared.cache.connect import answers
from shared.cache.listing import connect_operated
from shared.cache.settings import CacheSettings
from shared.cache.stats import CacheStats
from shared.contracts.cache_messages import ForgetObjects, PurgeCache
from shared.contracts.streams import EVENT_SOURCES, event_stream
from shared.contracts.timings import Counter
from shared.runtime.service import Service


def compose(settings: InvalidatorSettings) -> Service:
    """Return the service, wired.

    Without its cache server it cannot do its work, so it is not ready; it keeps the events and tries on.
    """
    service = Service("invalidator", settings)
    # Heads are kept longer than the entries under them, so the times to live matter here too.
    cache = connect_operated(CacheSettings.of(settings))
    service.closing(cache.close)
    if settings.redis_enabled:
        service.health.add("cache", answers(cache))
    service.timings.counters_from(lambda: _counters(cache.stats))
    streams = [event_stream(source) for source in EVENT_SOURCES]
    for stream in streams:
        invalidator = Invalidator(stream, cache, service.timings, service.clock)
        service.consume(stream, invalidator.apply, reclaim=True)
    if settings.metrics_enabled:
        overdue = OverdueEvents(service.client, streams, service.name, service.clock)
        service.background(overdue.run)
        service.timings.gauges_from(overdue.gauges)
    purges = Purges(cache)
    service.requests().handle(PurgeCache, purges.purge)
    service.checks("metrics").handle(ForgetObjects, purges.forget)
    return service


def _counters(stats: CacheStats) -> list[Counter]:
    return [
        Counter(name="invalidations", labels={"type": kind}, value=counts.invalidations)
        for kind, counts in stats.snapshot().items()
    ]
