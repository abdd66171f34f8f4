"""Typed settings from environment variables; a wrong value stops the start with its name and what is allowed."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import quote

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]


class SettingsError(Exception):
    """One or more variables are missing or wrong; the text names each."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every process needs. A field is read from the variable of its name in capitals."""

    aurelius_env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    data_dir: Path = Path(".data")
    bus_url: str = "redis://127.0.0.1:6379/0"
    object_store_url: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    def __post_init__(self) -> None:
        if not self.bus_url.startswith(("redis://", "rediss://", "unix://")):
            raise SettingsError("BUS_URL must begin with redis://, rediss:// or unix://")

    def objects_url(self) -> str:
        """Return where objects are kept: OBJECT_STORE_URL, or a folder of DATA_DIR."""
        return self.object_store_url or (self.data_dir.resolve() / "objects").as_uri()


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where Postgres is. `database_direct_url` bypasses a transaction pooler, for LISTEN."""

    database_url: str
    database_direct_url: str = ""
    database_pool_size: Annotated[int, Meta(ge=1, le=100)] = 8


@dataclass(frozen=True, kw_only=True)
class CacheServerSettings:
    """Where the cache server is; `redis_url` beats the parts. Times to live are in seconds."""

    redis_enabled: bool = True
    redis_url: str = ""
    redis_host: str = "127.0.0.1"
    redis_port: Port = 6379
    redis_db: Annotated[int, Meta(ge=0)] = 0
    redis_password: str = ""
    cache_ttl_strategy: Seconds = 300.0
    cache_ttl_backtest: Seconds = 600.0

    def cache_url(self) -> str:
        """Return REDIS_URL, or the URL that the parts make."""
        credentials = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
        return self.redis_url or f"redis://{credentials}{self.redis_host}:{self.redis_port}/{self.redis_db}"


@dataclass(frozen=True, kw_only=True)
class SecretSettings:
    """The key that signs tokens: at least 32 bytes of text, and the one before it while it is being replaced."""

    secret_key: str
    secret_key_previous: str = ""


S = TypeVar("S")


def load(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read the dataclass `kind` from `environ` (the process's own when None).

    Raises SettingsError naming every variable that is missing or wrong.
    """
    environ = os.environ if environ is None else environ
    types = get_type_hints(kind, include_extras=True)
    values: dict[str, object] = {}
    faults: list[str] = []
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # S is one of the dataclasses here
        name = field.name.upper()
        text = environ.get(name, "")
        if text:
            try:
                values[field.name] = _convert(text, types[field.name])
            except msgspec.ValidationError as error:
                faults.append(f"{name}: {error}")
        elif field.default is dataclasses.MISSING:
            faults.append(f"{name} is not set")
    if faults:
        raise SettingsError("; ".join(faults))
    return kind(**values)


def _convert(text: str, kind: object) -> object:
    if kind is Path:
        return Path(text)
    if get_origin(kind) is Literal and text not in get_args(kind):
        raise msgspec.ValidationError(f"give one of {', '.join(get_args(kind))}")
    return msgspec.convert(text, kind, strict=False)


def check_secret(secret: SecretSettings, aurelius_env: str) -> None:
    """Refuse a weak key. Raises SettingsError; in development too, since the launcher always makes a strong one."""
    for name, key in (("SECRET_KEY", secret.secret_key), ("SECRET_KEY_PREVIOUS", secret.secret_key_previous)):
        if not key and name == "SECRET_KEY_PREVIOUS":
            continue
        if len(key.encode()) < 32 or len(set(key)) < 10:
            raise SettingsError(
                f"{name} is too weak for {aurelius_env}: give at least 32 random bytes, "
                "for example the output of `openssl rand -hex 32`"
            )
