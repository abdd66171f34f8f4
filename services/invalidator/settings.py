"""The invalidator's settings."""

from dataclasses import dataclass, field

from shared.runtime.settings import CacheServerSettings, Port, Settings


@dataclass(frozen=True, kw_only=True)
class InvalidatorSettings(Settings, CacheServerSettings):
    """Read from the environment. INVALIDATOR_PORT serves health."""

    port: Port = field(default=0, metadata={"variable": "INVALIDATOR_PORT"})
