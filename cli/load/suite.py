"""The whole of a run: accounts, scenarios, ramp, and the report."""

import ipaddress
import os
import platform
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
import psutil

from cli.load import checks
from cli.load.accounts import CannotLoad, accounts
from cli.load.offering import Load
from cli.load.processes import ServerUse
from cli.load.progress import Progress
from cli.load.results import Memory, Report
from cli.load.running import Runner, Settings
from cli.load.scenarios import Scenario
from cli.load.stepping import Climb
from cli.load.tally import Tally
from cli.load.targets import MEMORY_MB, worst
from cli.load.wire import Answer, WrongAnswer, get

WORKER = "backtest.worker"
"""The module that a worker's process runs, as Use has it."""
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. `ramp_seconds` for each rate of the ramp, 0 for no ramp; `ramp_most` is the highest rate."""

    scenarios: Sequence[Scenario]
    users: int
    ramp_seconds: float
    ramp_most: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where the platform is."""

    url: str
    address: tuple[str, int]
    host: str


def target_of(url: str, *, remote: bool) -> Target:
    """Return where a URL leads. Raises CannotLoad: for another machine unless `remote`, for anything but plain HTTP."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise CannotLoad(f"{url}: {error}") from error
    if parts.scheme != "http" or not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise CannotLoad(f"{url}: must be such as http://127.0.0.1:8000, past what speaks TLS in front of the platform")
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CannotLoad(f"{parts.hostname} is not known: {error}") from error
    ips = list(dict.fromkeys(str(each[4][0]) for each in found))
    for ip in ips:
        if not remote and not ipaddress.ip_address(ip).is_loopback:
            raise CannotLoad(f"{ip} is another machine: if it is yours to load, say so with --remote")
    host = parts.netloc.rpartition("@")[2]
    return Target(f"http://{host}", (_answering(ips, port), port), host)


def _answering(ips: Sequence[str], port: int) -> str:
    """Return the first that somebody listens on: `localhost` is ::1 as well, where the platform may not be."""
    for ip in ips if len(ips) > 1 else ():
        with suppress(OSError), socket.create_connection((ip, port), CONNECT_SECONDS):
            return ip
    return ips[0]


def run(target: Target, settings: Settings, plan: Plan, progress: Progress, left: list[str]) -> Report:
    """Do all of it. What stays is added to `left`, also when it ends before its time. Raises CannotLoad."""
    began = datetime.now(UTC)
    version = _version(target)
    load_average = os.getloadavg()[0]

    with accounts(target.url, plan.users, progress.say, left) as made:
        runner = Runner(settings, made, progress)
        results = [runner.run(scenario) for scenario in plan.scenarios]
        ramp = runner.ramp(Climb(plan.ramp_seconds, plan.ramp_most)) if plan.ramp_seconds else None
        memory = _memory(runner.last_use)
    progress.done()
    grades = [result.grade for result in results] + ([ramp.grade] if ramp else [])
    if memory is not None and memory.missed:
        grades.append("NEEDS IMPROVEMENT")
    return Report(
        url=target.url,
        version=version,
        began_at=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        machine=_machine(),
        load_average=load_average,
        results=results,
        ramp=ramp,
        memory=memory,
        left=left,
        grade=worst(grades),
    )


def _version(target: Target) -> str:
    """Return the platform's, once it has said that it is well. Raises CannotLoad."""
    answers: list[Answer] = []
    tally = Tally()
    with Load(target.address, 1, timeout=10) as load:
        load.offer([get("/health", answers.append, {"Host": target.host})], None, tally)
    if not answers:
        raise CannotLoad(f"{target.url}: {next(iter(tally.failures))}. `make run` starts the platform")
    try:
        checks.health(answers[0])
    except WrongAnswer as error:
        raise CannotLoad(f"{target.url}/health: {error}") from error
    health = msgspec.json.decode(answers[0].body, type=checks.Health)
    if health.status != "ok":
        raise CannotLoad(f"{target.url} is {health.status}: {', '.join(health.failing)}. Load it when /health says ok")
    return health.version


def _memory(use: ServerUse | None) -> Memory | None:
    if use is None or use.python_pss_mb is None:
        return None
    numbers = {each.name: each.number for each in use.processes}
    alone = numbers.get("gateway") == 1 and numbers.get(WORKER) == 1
    return Memory(pss_mb=use.python_pss_mb, bound_mb=MEMORY_MB, asked=alone)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{psutil.cpu_count()} processors, {memory:.0f} GiB, {system}, Python {platform.python_version()}"
