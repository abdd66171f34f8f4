"""What the environment says."""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is. Without `redis_url` there is no cache. Times to live are in seconds."""

    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    port: int = 8000
    strategy_ttl: int = 300
    backtest_ttl: int = 600

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read DATABASE_URL, SECRET_KEY, REDIS_URL and PORT."""
        return cls(
            database_url=os.environ["DATABASE_URL"],
            secret_key=os.environ["SECRET_KEY"],
            redis_url=os.environ.get("REDIS_URL") or None,
            port=int(os.environ.get("PORT", "8000")),
        )
