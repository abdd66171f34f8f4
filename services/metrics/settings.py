"""The metrics service's settings."""

from dataclasses import dataclass

from shared.runtime.settings import CacheServerSettings, Port, Settings


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(Settings, CacheServerSettings):
    """Read from the environment. `metrics_port` serves health; 0 takes any free one."""

    metrics_port: Port = 0
