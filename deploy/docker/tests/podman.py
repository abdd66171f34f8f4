"""Podman and podman-compose on a store of their own, so that a test leaves no image, volume or network behind."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.docker.tests.compose_file import Compose
from deploy.locks import ROOT

OLDEST_COMPOSE = (1, 5)
_INSTALL = "apt install podman runc netavark aardvark-dns mmdebstrap; pip install podman-compose"
# Nothing here may fail where there is no systemd, control groups are of the first version, or limits cannot be raised.
_ENGINE = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
lock_type = "file"
tmp_dir = "{folder}/tmp"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_STORE = """\
[storage]
driver = "overlay"
runroot = "{folder}/run"
graphroot = "{folder}/images"
"""


def missing() -> str:
    """What this machine lacks to run containers, as a sentence; empty when it can."""
    if os.getuid() != 0:
        return "needs root, for control groups and networks"
    if absent := [tool for tool in ("podman", "runc", "mmdebstrap", "podman-compose") if shutil.which(tool) is None]:
        return f"needs {', '.join(absent)}: {_INSTALL}"
    said = subprocess.run(["podman-compose", "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"podman-compose version (\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_COMPOSE:
        return f"needs podman-compose 1.5 or newer, and Debian's is older: {_INSTALL}"
    return ""


@dataclass
class Podman:
    """The tools, with `folder` for all they keep."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def __post_init__(self) -> None:
        for name, text in (("containers.conf", _ENGINE), ("storage.conf", _STORE)):
            (self.folder / name).write_text(text.format(folder=self.folder))
        self.environ |= {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            # The other format knows no health checks.
            "BUILDAH_FORMAT": "docker",
        }

    def run(self, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command with this store. With `check` raises AssertionError, with what it said, when it fails."""
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done

    def remove_all(self) -> None:
        """Remove every container, volume, network and image of this store, and its mounts."""
        self.run("podman", "system", "reset", "--force")


@dataclass
class Deployment:
    """compose.yaml as one project, started in the order that it asks for."""

    podman: Podman
    compose: Compose
    project: str = "aurelius-test"

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.project}_{service}_1"

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run podman-compose. Raises AssertionError."""
        return self.podman.run("podman-compose", "-p", self.project, "-f", "compose.yaml", *arguments)

    def start(self) -> None:
        """Start each service once what it depends on is as it asks: older podmans do not wait for that themselves."""
        started: set[str] = set()
        while left := self.compose.services.keys() - started:
            startable = [name for name in left if self.compose.services[name].depends_on.keys() <= started]
            assert startable, f"{left} wait for each other"
            for name in startable:
                for needed, dependency in self.compose.services[name].depends_on.items():
                    self.wait(needed, dependency.condition)
                self.command("up", "--detach", "--no-build", "--no-deps", name)
                started.add(name)

    def wait(self, service: str, condition: str = "service_healthy") -> None:
        """Wait for a condition of compose.yaml. Raises AssertionError with the container's last words."""
        meets = self.is_healthy if condition == "service_healthy" else self.has_succeeded
        self._until(lambda: meets(service), service)

    def is_healthy(self, service: str) -> bool:
        """Whether the container's own health check passes, asked now: without systemd podman never asks by itself."""
        return self.podman.run("podman", "healthcheck", "run", self.container(service), check=False).returncode == 0

    def has_succeeded(self, service: str) -> bool:
        """Whether a container has ended well."""
        return self.state(service) == "exited 0"

    def state(self, service: str) -> str:
        """The container's status and exit code."""
        form = "{{.State.Status}} {{.State.ExitCode}}"
        return self.podman.run("podman", "inspect", "--format", form, self.container(service)).stdout.strip()

    def inside(self, service: str, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command in a container."""
        return self.podman.run("podman", "exec", self.container(service), *command, check=check)

    def _until(self, holds: Callable[[], bool], service: str, seconds: float = 600) -> None:
        give_up = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > give_up:
                said = self.podman.run("podman", "logs", "--tail", "20", self.container(service), check=False)
                raise AssertionError(f"{service} is {self.state(service)}: {said.stdout}{said.stderr}")
            time.sleep(0.2)
