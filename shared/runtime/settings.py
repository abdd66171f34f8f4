"""What the environment tells every service, and what some of them: each service's own settings are made of these."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote

from msgspec import Meta

from shared.runtime import addresses
from shared.runtime.environment import Rule, Together
from shared.runtime.tracing.settings import TracingSettings

Port = Annotated[int, Meta(ge=0, le=65_535)]
Days = Annotated[float, Meta(gt=0, le=3650, title="days")]
Seconds = Annotated[float, Meta(gt=0, le=31_536_000, title="seconds")]
RedisUrl = Annotated[str, Rule(addresses.REDIS, addresses.redis_url)]
PostgresUrl = Annotated[str, Rule(addresses.POSTGRES, addresses.postgres_url)]
ObjectsUrl = Annotated[str, Rule(addresses.OBJECTS, addresses.objects_url)]
ListeningAddress = Annotated[str, Rule(addresses.LISTENING, addresses.listening_address)]
HostName = Annotated[str, Rule(addresses.HOST_NAME, addresses.host_name)]

STRONG = "must be at least 32 random bytes, for example the output of `openssl rand -hex 32`"


def _weakness(key: str) -> Iterator[str]:
    if len(key.encode()) < 32 or len(set(key)) < 10:
        yield STRONG


SigningKey = Annotated[str, Rule(STRONG, _weakness)]


@dataclass(frozen=True, kw_only=True)
class Settings(TracingSettings):
    """What every process needs.

    `port` serves HTTP, 0 takes any free one; each service calls its variable by its own name. `drain_seconds` is how
    long a stop may wait for what was taken to be finished: below the time after which whoever stops it kills it.
    `log_format` is by default json in production and text elsewhere. Without `metrics_enabled` a process measures
    nothing and reports nothing of itself; it is meant for all processes alike.
    """

    aurelius_env: Literal["development", "production"] = "development"
    host: ListeningAddress = "127.0.0.1"
    port: Port = 0
    data_dir: Path = Path(".data")
    bus_url: RedisUrl = field(default="redis://127.0.0.1:6379/0", repr=False)
    object_store_url: ObjectsUrl = field(default="", repr=False)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text", ""] = ""
    metrics_enabled: bool = True
    drain_seconds: Annotated[float, Meta(gt=0, le=3600, title="seconds")] = 8.0

    def objects_url(self) -> str:
        """Return where objects are kept: OBJECT_STORE_URL, or a folder of DATA_DIR."""
        return self.object_store_url or (self.data_dir.resolve() / "objects").as_uri()

    def copies(self) -> int:
        """Return how many processes share the port: one, unless a service can do with more."""
        return 1


def _owed_at_least_as_kept(kept: float, owed: float) -> str:
    return "" if kept <= owed else "EVENTS_OWED_DAYS must not be below EVENTS_KEPT_DAYS"


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where Postgres is. `database_direct_url` bypasses a transaction pooler, for LISTEN.

    Events are kept for `events_kept_days`, for a group that has not acknowledged them until `events_owed_days`. What is
    too old is looked for every `retention_seconds` and removed `retention_batch` rows at a time; the planner's
    statistics are made anew when they are older than `database_analyze_hours`, never if that is 0.
    """

    database_url: PostgresUrl = field(repr=False)
    database_direct_url: PostgresUrl = field(default="", repr=False)
    database_pool_size: Annotated[int, Meta(ge=1, le=100)] = 8
    events_kept_days: Days = 7.0
    events_owed_days: Days = 30.0
    retention_seconds: Seconds = 300.0
    retention_batch: Annotated[int, Meta(ge=1, le=10_000)] = 500
    database_analyze_hours: Annotated[float, Meta(ge=0, le=8760, title="hours")] = 24.0

    RULES: ClassVar[tuple[Together, ...]] = (
        Together(("events_kept_days", "events_owed_days"), _owed_at_least_as_kept),
    )


def _cache_apart(environment: str, bus_url: str, enabled: bool, *cache: str | int) -> str:  # a setting
    redis_url, host, port = cache
    if environment != "production" or not enabled:
        return ""
    there = addresses.server_of(str(redis_url) or f"redis://{_bracketed(str(host))}:{port}")
    return (
        ""
        if there != addresses.server_of(bus_url)
        else ("REDIS_URL must name another server than BUS_URL in production: a cache evicts what a bus must keep")
    )


@dataclass(frozen=True, kw_only=True)
class CacheServerSettings:
    """Where the cache server is; `redis_url` beats the parts. Times to live are in seconds."""

    redis_enabled: bool = True
    redis_url: RedisUrl = field(default="", repr=False)
    redis_host: HostName = "127.0.0.1"
    redis_port: Annotated[int, Meta(ge=1, le=65_535)] = 6379
    redis_db: Annotated[int, Meta(ge=0, le=65_535)] = 0
    redis_password: str = field(default="", repr=False)
    cache_ttl_strategy: Seconds = 300.0
    cache_ttl_backtest: Seconds = 600.0
    cache_ttl_validation: Seconds = 600.0
    cache_ttl_user: Seconds = 300.0
    cache_ttl_gates: Seconds = 300.0

    RULES: ClassVar[tuple[Together, ...]] = (
        Together(("aurelius_env", "bus_url", "redis_enabled", "redis_url", "redis_host", "redis_port"), _cache_apart),
    )

    def cache_url(self) -> str:
        """Return REDIS_URL, or the URL that the parts make."""
        credentials = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
        parts = f"redis://{credentials}{_bracketed(self.redis_host)}:{self.redis_port}/{self.redis_db}"
        return self.redis_url or parts


@dataclass(frozen=True, kw_only=True)
class CacheWriterSettings(CacheServerSettings):
    """What who writes has to know besides: CACHE_POLICY, which holds for all objects alike.

    A write that the cache server does not acknowledge is refused if `strict` and done if `available`; without it that
    goes by the type of what is written (`shared.contracts.objects.STRICT`).
    """

    cache_policy: Literal["available", "strict", ""] = ""


@dataclass(frozen=True, kw_only=True)
class WriterSettings(DatabaseSettings, CacheWriterSettings):
    """What a process that writes is told of both servers."""


@dataclass(frozen=True, kw_only=True)
class SecretSettings:
    """The key that signs tokens, and the one before it while it is being replaced."""

    secret_key: SigningKey = field(repr=False)
    secret_key_previous: SigningKey = field(default="", repr=False)


def _bracketed(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
