"""The strategy service's settings."""

from dataclasses import dataclass, field

from shared.runtime.settings import Days, Port, SecretSettings, Settings, WriterSettings


@dataclass(frozen=True, kw_only=True)
class StrategySettings(Settings, WriterSettings, SecretSettings):
    """Read from the environment. STRATEGY_PORT serves health.

    Sessions are kept for `sessions_kept_days` after they have expired.
    """

    port: Port = field(default=0, metadata={"variable": "STRATEGY_PORT"})
    sessions_kept_days: Days = 1.0
