"""compose.yaml as Docker Compose reads it: variables filled in, and of the rest what the tests ask about."""

import re
from collections.abc import Mapping
from functools import partial

import msgspec

from deploy.locks import ROOT
from deploy.tests.containers import Container

_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?P<default>:-(?P<text>[^}]*))?(?P<required>:\?(?P<hint>[^}]*))?\}")


class NotSet(Exception):
    """A variable that must be set is not: its name and what compose.yaml says about it."""


class Build(msgspec.Struct, forbid_unknown_fields=True):
    """How an image is built."""

    context: str
    dockerfile: str
    args: list[str]
    target: str = ""


class Dependency(msgspec.Struct):
    """What a service waits for before it starts."""

    condition: str


class HealthCheck(msgspec.Struct, frozen=True):
    """What is said about a container's health check; what is not said is the image's."""

    start_period: str = ""
    test: str | list[str] = ""


class Service(msgspec.Struct):
    """One container."""

    image: str
    environment: dict[str, str | None] = {}
    build: Build | None = None
    networks: list[str] = []
    network_mode: str = ""
    volumes: list[str] = []
    tmpfs: list[str] = []
    ports: list[str] = []
    depends_on: dict[str, Dependency] = {}
    command: str | list[str] = ""
    restart: str = ""
    stop_grace_period: str = ""
    read_only: bool = False
    mem_limit: str = ""
    healthcheck: HealthCheck = HealthCheck()

    def container(self, environ: Mapping[str, str]) -> Container:
        """What it comes to; a variable without a value is handed on from `environ` where it is set."""
        given = {name: environ.get(name) if value is None else value for name, value in self.environment.items()}
        mounts = frozenset(volume.split(":")[1] for volume in self.volumes)
        return Container(self.image, {name: value for name, value in given.items() if value is not None}, mounts)


class Compose(msgspec.Struct):
    """The whole file."""

    services: dict[str, Service]
    networks: dict[str, dict[str, bool]]
    volumes: dict[str, dict[str, str]]


def load_compose(environ: Mapping[str, str]) -> Compose:
    """Read the file with the variables of `environ`. Raises NotSet."""
    document: object = msgspec.yaml.decode((ROOT / "compose.yaml").read_text())
    return msgspec.convert(_filled(document, environ), Compose)


def _filled(value: object, environ: Mapping[str, str]) -> object:
    """Fill in after reading, as Compose does: what a variable holds is text, whatever it looks like."""
    if isinstance(value, dict):
        return {name: _filled(each, environ) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, environ) for each in value]
    return _VARIABLE.sub(partial(_value, environ), value) if isinstance(value, str) else value


def _value(environ: Mapping[str, str], match: re.Match[str]) -> str:
    if match["name"] is None:
        return "$"
    value = environ.get(match["name"], "")
    if not value and match["required"]:
        raise NotSet(match["name"], match["hint"])
    return value or match["text"] or ""
