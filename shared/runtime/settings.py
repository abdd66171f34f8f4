"""Typed settings from environment variables; a wrong value stops the start with its name and what is allowed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]


class SettingsError(Exception):
    """One or more variables are missing or wrong; the text names each."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process needs. A field is read from the variable of its name in capitals."""

    aurelius_env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    data_dir: Path = Path(".data")
    bus_url: str = "redis://127.0.0.1:6379/0"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where Postgres is. `database_direct_url` bypasses a transaction pooler, for LISTEN."""

    database_url: str
    database_direct_url: str = ""
    database_pool_size: Annotated[int, Meta(ge=1, le=100)] = 8


class CacheServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the cache server is; `redis_url` beats the parts. Times to live are in seconds."""

    redis_enabled: bool = True
    redis_url: str = ""
    redis_host: str = "127.0.0.1"
    redis_port: Port = 6379
    redis_db: Annotated[int, Meta(ge=0)] = 0
    redis_password: str = ""
    cache_ttl_strategy: Seconds = 300.0
    cache_ttl_backtest: Seconds = 600.0


class SecretSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The key that signs tokens: at least 32 bytes of text, and the one before it while it is being replaced."""

    secret_key: str
    secret_key_previous: str = ""


S = TypeVar("S", bound=msgspec.Struct)

_WEAK = frozenset({"secret", "changeme", "change-me", "default", "password", "test"})


def load(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read `kind` from `environ` (the process's own when None). Raises SettingsError naming every wrong variable."""
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    faults: list[str] = []
    for field in msgspec.structs.fields(kind):
        name = field.name.upper()
        text = environ.get(name, "")
        if text:
            try:
                values[field.name] = _convert(text, field.type)
            except (msgspec.ValidationError, ValueError) as error:
                faults.append(f"{name}: {error}")
        elif field.required:
            faults.append(f"{name} is not set")
    if faults:
        raise SettingsError("; ".join(faults))
    return kind(**values)


def _convert(text: str, kind: object) -> object:
    if kind is Path:
        return Path(text)
    return msgspec.convert(text, kind, strict=False)


def check_secret(secret: SecretSettings, aurelius_env: str) -> None:
    """Refuse a weak key. Raises SettingsError; in development too, since the launcher always makes a strong one."""
    for name, key in (("SECRET_KEY", secret.secret_key), ("SECRET_KEY_PREVIOUS", secret.secret_key_previous)):
        if not key and name == "SECRET_KEY_PREVIOUS":
            continue
        if len(key.encode()) < 32 or len(set(key)) < 10 or key.lower() in _WEAK:
            raise SettingsError(
                f"{name} is too weak for {aurelius_env}: give at least 32 random bytes, "
                "for example the output of `openssl rand -hex 32`"
            )
