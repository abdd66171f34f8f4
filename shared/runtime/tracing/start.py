"""Whether there are traces is decided here, once for a process, before anything of OpenTelemetry is imported."""

from typing import TYPE_CHECKING

from shared.runtime.tracing.settings import TracingSettings

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Tracer


def start(settings: TracingSettings, service: str, instance: str) -> "Tracer | None":
    """Return what makes this process's spans; None, and no library loaded, when nobody wants any."""
    if not settings.traces_wanted():
        return None
    from shared.runtime.tracing.exporting import provide
    from shared.runtime.tracing.tracer import Tracer

    return Tracer(provide(settings, service, instance))
