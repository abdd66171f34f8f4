"""The metrics service's composition: one place where everything is made and wired."""

import time

from services.metrics.cache_bodies import BodyChecker
from services.metrics.cache_checker import L1, L2, CacheChecker
from services.metrics.cache_description import CacheDescriptions
from services.metrics.cache_figures import CacheProbe
from services.metrics.cache_layers import GatewayLayer, Keepers, Layer, SharedLayer
from services.metrics.cache_samples import CacheSamples
from services.metrics.cache_streams import CacheStreams
from services.metrics.figures import Figures
from services.metrics.handlers import MetricsHandlers
from services.metrics.settings import MetricsSettings
from services.metrics.stream_states import StreamStates
from services.metrics.timing_feed import TimingFeed
from services.metrics.unmeasured import Unmeasured
from shared.cache.looking import Looks
from shared.cache.settings import CacheSettings
from shared.contracts.messages import DescribeCache, DescribeStreams, RenderMetrics
from shared.runtime.objects import Objects
from shared.runtime.service import Service


def compose(settings: MetricsSettings) -> Service:
    """Return the service, wired; long texts leave by the object store. Raises SettingsError for one that cannot be."""
    service = Service("metrics", settings, objects=Objects(settings.objects_url()))
    cache = CacheProbe(CacheSettings.of(settings))
    service.closing(cache.close)
    handlers: MetricsHandlers | Unmeasured = _measuring(service, cache) if settings.metrics_enabled else Unmeasured()
    requests = service.requests()
    requests.handle(RenderMetrics, handlers.render)
    requests.handle(DescribeStreams, StreamStates(service.client).describe)
    requests.handle(DescribeCache, CacheDescriptions(cache, handlers.snapshot).describe)
    if settings.redis_enabled:
        _check_caches(service, settings)
    return service


def _measuring(service: Service, cache: CacheProbe) -> MetricsHandlers:
    """Read what all processes report, and the figures of the servers."""
    figures = Figures(service.client, cache)
    handlers = MetricsHandlers(figures, service.timings)
    feed = TimingFeed(service.client)

    async def read() -> None:
        await feed.run(await handlers.read_past(service.client), handlers.absorb)

    service.background(figures.run)
    service.background(read)
    service.background(lambda: handlers.keep_totals(service.client))
    service.health.add("timings", feed.check)
    return handlers


def _check_caches(service: Service, settings: MetricsSettings) -> None:
    """Compare what the caches serve with the database, for as long as the service runs."""
    looks, gateways = Looks(CacheSettings.of(settings)), GatewayLayer(service.writer)
    layers: dict[str, Layer] = {L1: gateways, L2: SharedLayer(looks)}
    keepers = Keepers(service.caller())
    one_in = settings.cache_bodies_one_in
    bodies = BodyChecker(gateways, looks, keepers, service.timings, time.monotonic, one_in=one_in)
    checker = CacheChecker(keepers, layers, service.timings, time.monotonic, bodies.looked_at)
    service.closing(looks.close)
    service.background(checker.run)
    drawn = [lambda obj: checker.changed([obj])]
    if one_in:
        service.background(bodies.run)
        drawn.append(bodies.drawn)
    service.background(CacheSamples(gateways, *drawn).run)
    service.background(CacheStreams(service.client, checker.changed, gateways.heard).run)
