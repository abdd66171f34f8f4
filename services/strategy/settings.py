"""The strategy service's settings."""

from dataclasses import dataclass

from shared.runtime.settings import DatabaseSettings, Port, SecretSettings, Settings


@dataclass(frozen=True, kw_only=True)
class StrategySettings(Settings, DatabaseSettings, SecretSettings):
    """Read from the environment. `strategy_port` serves health; 0 takes any free one."""

    strategy_port: Port = 0
