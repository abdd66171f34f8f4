"""The strategy service's settings."""

from dataclasses import dataclass, field

from shared.runtime.settings import CacheWriterSettings, DatabaseSettings, Port, SecretSettings, Settings


@dataclass(frozen=True, kw_only=True)
class StrategySettings(Settings, DatabaseSettings, CacheWriterSettings, SecretSettings):
    """Read from the environment. STRATEGY_PORT serves health."""

    port: Port = field(default=0, metadata={"variable": "STRATEGY_PORT"})
