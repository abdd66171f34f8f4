"""A real Prometheus with our own configuration, in a hurry or as it is, and what it answers."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from deploy.local.ports import free_ports
from deploy.local.program import Program
from deploy.observability.tests.files import FOLDER, PROMETHEUS, RECORDED
from shared.runtime.tests.eventually import eventually

Answer = list[tuple[dict[str, str], float]]


class Prometheus:
    """One that runs."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, expression: str) -> Answer:
        """Return labels and value of each series. Fails when the expression is not valid."""
        answer = await self._client.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, answer.text
        return [(each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]]

    async def healths(self) -> list[str]:
        """Return of each rule and alert whether it could be evaluated: ok, err or unknown."""
        groups = (await self._client.get("/api/v1/rules")).json()["data"]["groups"]
        return [rule["health"] for group in groups for rule in group["rules"]]

    async def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return (await self._client.get("/-/ready")).is_success
        except httpx.TransportError:
            return False

    async def has_begun(self) -> bool:
        """Whether it has scraped several times and the last rule has seen more than one of these."""
        return await self.is_ready() and bool(await self.ask(f"count_over_time({RECORDED[-1].record}[1m]) > 2"))


@asynccontextmanager
async def prometheus(folder: Path, target: str, *, hurried: bool = True) -> AsyncIterator[Prometheus]:
    """Start it in this folder; it scrapes `target`. Yield it when it has figures, or unhurried when it is ready."""
    assert PROMETHEUS is not None, "install prometheus (Debian's package)"
    (port,) = free_ports(1, "127.0.0.1")
    shutil.copytree(FOLDER / "rules", folder / "rules")
    configuration = (FOLDER / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(_in_a_hurry(configuration) if hurried else configuration)
    (folder / "targets.yml").write_text(f'- targets: ["{target}"]\n')
    with (folder / "log").open("wb") as log:
        command = [
            str(PROMETHEUS),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        process = subprocess.Popen(Program("prometheus", command).wrapped(), stdout=log, stderr=log)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                running = Prometheus(client)
                await eventually(running.has_begun if hurried else running.is_ready, within=60)
                yield running
        finally:
            process.terminate()
            process.wait(timeout=30)


def _in_a_hurry(configuration: str) -> str:
    """Every 15 s is every second."""
    hurried, changed = re.subn(r"(_interval|_timeout): \d+s", r"\1: 1s", configuration)
    assert changed == 3
    return hurried
