"""The metrics service's settings."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from shared.runtime.settings import CacheServerSettings, Port, Settings


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(Settings, CacheServerSettings):
    """Read from the environment. METRICS_PORT serves health."""

    port: Port = field(default=0, metadata={"variable": "METRICS_PORT"})
    # Of so many looks of the cache's checker one compares whole answers; 0 for none.
    cache_bodies_one_in: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
