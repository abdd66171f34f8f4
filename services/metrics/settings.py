"""The metrics service's settings."""

from dataclasses import dataclass, field

from shared.runtime.settings import CacheServerSettings, Port, Settings


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(Settings, CacheServerSettings):
    """Read from the environment. METRICS_PORT serves health."""

    port: Port = field(default=0, metadata={"variable": "METRICS_PORT"})
