"""The invalidator's composition: one place where everything is made and wired."""

from faststream.asgi import AsgiFastStream

from services.invalidator.handlers import Invalidator
from services.invalidator.settings import InvalidatorSettings
from shared.cache.connect import connect
from shared.cache.settings import CacheSettings
from shared.cache.stats import CacheStats
from shared.cache.store import CacheStore
from shared.contracts.streams import EVENT_SOURCES, event_stream
from shared.contracts.timings import Counter
from shared.runtime.health import Check
from shared.runtime.service import Service
from shared.runtime.settings import SettingsError


def build(settings: InvalidatorSettings) -> tuple[AsgiFastStream, int]:
    """Return the application and its port. Raises SettingsError for an address of the cache that cannot be."""
    return compose(settings).asgi(), settings.invalidator_port


def compose(settings: InvalidatorSettings) -> Service:
    """Return the service, wired. Raises SettingsError.

    Without its cache server it cannot do its work, so it is not ready; it keeps the events and tries on.
    """
    service = Service("invalidator", settings)
    # Heads are kept longer than the entries under them, so the times to live matter here too.
    ttl = {"strategy": settings.cache_ttl_strategy, "backtest": settings.cache_ttl_backtest}
    try:
        cache = connect(CacheSettings(url=settings.cache_url(), enabled=settings.redis_enabled, ttl=ttl))
    except ValueError as error:
        raise SettingsError(f"REDIS_URL: {error}") from error
    service.closing(cache.close)
    if settings.redis_enabled:
        service.health.add("cache", _check(cache))
    service.timings.counters_from(lambda: _counters(cache.stats))
    for source in EVENT_SOURCES:
        stream = event_stream(source)
        invalidator = Invalidator(stream, cache, service.timings, service.clock)
        service.consume(stream, "invalidator", invalidator.apply, reclaim=True)
    service.requests()  # for those who ask how it is
    return service


def _check(cache: CacheStore) -> Check:
    async def check() -> None:
        if not await cache.ping():
            raise ConnectionError("the cache server does not answer")

    return check


def _counters(stats: CacheStats) -> list[Counter]:
    return [
        Counter(name="invalidations", labels={"type": kind}, value=counts.invalidations)
        for kind, counts in stats.snapshot().items()
    ]
