"""The metrics service's composition: one place where everything is made and wired."""

from faststream.asgi import AsgiFastStream

from services.metrics.cache_figures import CacheProbe
from services.metrics.figures import Figures
from services.metrics.handlers import MetricsHandlers
from services.metrics.settings import MetricsSettings
from shared.contracts.messages import RenderMetrics
from shared.contracts.streams import TIMINGS
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.settings import SettingsError


def build(settings: MetricsSettings) -> tuple[AsgiFastStream, int]:
    """Return the application and its port. Raises SettingsError for an address of the cache that cannot be."""
    return compose(settings).asgi(), settings.metrics_port


def compose(settings: MetricsSettings) -> Service:
    """Return the service, wired; long texts leave through the object store. Raises SettingsError."""
    service = Service("metrics", settings, objects=Objects(settings.objects_url()))
    try:
        cache = CacheProbe(settings.cache_url(), enabled=settings.redis_enabled)
    except ValueError as error:
        raise SettingsError(f"REDIS_URL: {error}") from error
    figures = Figures(service.client, cache)
    handlers = MetricsHandlers(figures, service.timings)
    service.closing(cache.close)
    service.background(figures.run)
    service.background(lambda: handlers.read_past(service.client))
    service.consume(TIMINGS, "metrics", handlers.absorb, reclaim=True)
    service.requests().handle(RenderMetrics, handlers.render)
    return service
