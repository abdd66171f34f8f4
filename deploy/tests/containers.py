"""What a deployment gives to the containers of our images, asked the same questions whoever runs them."""

import dataclasses
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.locks import ROOT
from services.backtest.settings import BacktestSettings
from services.gateway.settings import GatewaySettings
from services.invalidator.settings import InvalidatorSettings
from services.metrics.settings import MetricsSettings
from services.strategy.settings import StrategySettings
from shared.runtime.environment import load, variable
from shared.runtime.settings import Settings

SETTINGS: dict[str, type[Settings]] = {
    "gateway": GatewaySettings,
    "strategy": StrategySettings,
    "backtest": BacktestSettings,
    "invalidator": InvalidatorSettings,
    "metrics": MetricsSettings,
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION: str = PROJECT["version"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
WITH_OBJECTS = frozenset(name for name in SETTINGS if re.search(r"\bobjects\b", " ".join(EXTRAS[name])))

# Read by the libraries of the object store and of the traces themselves.
_OF_LIBRARIES = re.compile(r"(AWS|OTEL)_[A-Z_]+")
# Settled by the image and the manifests together, or one of the addresses and secrets that each service has its own of.
_SETTLED = re.compile(r"AURELIUS_ENV|DATA_DIR|HOST|\w*PORT|DRAIN_SECONDS|REDIS_\w+|\w+_URL|SECRET_KEY\w*")
# What no service should be without, though some have a default for a developer's machine.
_ADDRESSES = ("BUS_URL", "REDIS_URL", "DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Container:
    """A container of an image of ours: what it is given besides the image's own variables, where its volumes are."""

    image: str
    environment: Mapping[str, str]
    mounts: frozenset[str]


def variables(kind: type[Settings]) -> set[str]:
    """The variables that a service reads."""
    return {variable(kind, field.name) for field in dataclasses.fields(kind)}


def adjustable(name: str) -> set[str]:
    """The variables of a service that an operator may want to set."""
    return {given for given in variables(SETTINGS[name]) if not _SETTLED.fullmatch(given)}


def image_environment() -> dict[str, str]:
    """What the Dockerfile sets."""
    text = (ROOT / "deploy/docker/Dockerfile").read_text()
    blocks = re.findall(r"^ENV ((?:.*\\\n)*.*)", text, flags=re.MULTILINE)
    return dict(pair.split("=", 1) for block in blocks for pair in block.replace("\\\n", " ").split())


def settings_of(name: str, container: Container) -> Settings:
    """What the service makes of its container's variables. Raises SettingsError."""
    return load(SETTINGS[name], {**image_environment(), **container.environment})


def faults(name: str, container: Container) -> list[str]:
    """What is wrong with the container of a service, in sentences. Raises SettingsError."""
    known = variables(SETTINGS[name])
    needed = known & {*_ADDRESSES, "SECRET_KEY", "AURELIUS_ENV"}
    found = [f"{name} has no variable {given}" for given in container.environment if not _is_read(given, known)]
    found += [f"{name} is given no {missing}" for missing in sorted(needed - container.environment.keys())]
    for address in sorted(known & {*_ADDRESSES} & container.environment.keys()):
        user = urlsplit(container.environment[address]).username
        expected = f"aurelius_{name}" if address == "DATABASE_URL" else name
        if user != expected:
            found.append(f"{address} of {name} logs in as {user}, not as {expected}")
    settings = settings_of(name, container)
    if settings.aurelius_env != "production":
        found.append(f"{name} is not in production")
    if name in WITH_OBJECTS and settings.objects_url().startswith("file:"):
        folder = urlsplit(settings.objects_url()).path
        if folder not in container.mounts:
            found.append(f"{name} keeps objects in {folder}, where no volume is mounted")
    if container.image != f"aurelius-{name}:{VERSION}":
        found.append(f"{name} is run from {container.image}")
    return found


def _is_read(given: str, known: set[str]) -> bool:
    return given in known or _OF_LIBRARIES.fullmatch(given) is not None


def make_env(folder: Path) -> dict[str, str]:
    """The secrets of a new deployment, as deploy/docker/make-env.sh writes them."""
    file = folder / "secrets.env"
    subprocess.run(["sh", ROOT / "deploy/docker/make-env.sh", file], check=True, capture_output=True)
    return read_env(file.read_text())


def read_env(text: str) -> dict[str, str]:
    """The variables of an env file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
