"""The launcher's settings, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.local.errors import StartError
from deploy.local.services import Server

Origin = Literal["embedded", "external", "off"]
"""Where a server comes from: started here, the caller's own, or there is none."""

_DEFAULT_PORTS = {
    "PORT": 8000,
    "STRATEGY_PORT": 0,
    "BACKTEST_PORT": 0,
    "INVALIDATOR_PORT": 0,
    "METRICS_PORT": 0,
}
_ENVIRONMENTS = ("development", "production")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the launcher was asked for. A port of 0: any free one."""

    environ: Mapping[str, str]
    data_dir: Path
    host: str
    ports: Mapping[str, int]
    servers: Mapping[Server, Origin]
    secret_key: str | None
    demo: bool

    @property
    def demo_folder(self) -> Path:
        """Where the demo's bars are, and its password."""
        return self.data_dir / "demo"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises StartError, naming the variable and what it may hold. An empty variable counts as unset."""
    environment = environ.get("AURELIUS_ENV") or "development"
    if environment not in _ENVIRONMENTS:
        raise StartError(f"AURELIUS_ENV={environment}: must be one of {', '.join(_ENVIRONMENTS)}")
    secret_key = environ.get("SECRET_KEY") or None
    if environment == "production" and secret_key is None:
        raise StartError("AURELIUS_ENV=production needs a SECRET_KEY of 32 random bytes: openssl rand -hex 32")
    return Settings(
        environ=environ,
        data_dir=Path(environ.get("DATA_DIR") or ".data").absolute(),
        host=environ.get("HOST") or "127.0.0.1",
        ports=_ports(environ),
        servers={
            "DATABASE_URL": "external" if environ.get("DATABASE_URL") else "embedded",
            "BUS_URL": "external" if environ.get("BUS_URL") else "embedded",
            "REDIS_URL": _cache(environ),
        },
        secret_key=secret_key,
        demo=_demo(environ, production=environment == "production"),
    )


def _ports(environ: Mapping[str, str]) -> dict[str, int]:
    ports = {variable: _port(variable, environ.get(variable), default) for variable, default in _DEFAULT_PORTS.items()}
    asked = [port for port in ports.values() if port]
    for variable, port in ports.items():
        if port and asked.count(port) > 1:
            raise StartError(f"{variable}={port}: another service was given this port as well")
    return ports


def _port(variable: str, text: str | None, default: int) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise StartError(f"{variable}={text}: must be a port, 0 to 65535 (0: any free one)")


def _cache(environ: Mapping[str, str]) -> Origin:
    if not _flag(environ, "REDIS_ENABLED", default=True):
        return "off"
    return "external" if environ.get("REDIS_URL") or environ.get("REDIS_HOST") else "embedded"


def _demo(environ: Mapping[str, str], *, production: bool) -> bool:
    """Never in production: an account whose password stands on a terminal."""
    wanted = _flag(environ, "DEMO", default=not production)
    if wanted and production:
        raise StartError(f"DEMO={environ['DEMO']}: there is no demo with AURELIUS_ENV=production; leave it out")
    return wanted


def _flag(environ: Mapping[str, str], variable: str, *, default: bool) -> bool:
    text = environ.get(variable)
    if not text:
        return default
    if text.lower() not in _TRUE + _FALSE:
        raise StartError(f"{variable}={text}: must be true or false (or {', '.join(_TRUE[1:] + _FALSE[1:])})")
    return text.lower() in _TRUE
