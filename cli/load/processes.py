"""The platform's own processes, when it runs on this machine: processor time and memory."""

import ipaddress
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec
import psutil

_MIB = 2**20

_P = TypeVar("_P", bound=Hashable)


class NotHere(Exception):
    """The processes cannot be told; the text says why."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What the `number` processes of a name used. `cpu_percent` is of the machine, all its processors together.

    `pss_mb` is their proportional set size in 2^20 bytes, None where the system does not tell it.
    """

    name: str
    number: int
    python: bool
    cpu_percent: float
    pss_mb: float | None


class ServerUse(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform used while it was loaded: its share of the machine, and each name's, the busiest first.

    `others_percent` is what neither the platform nor the load used: where it is much, figures are of a busy machine.
    """

    processors: int
    cpu_percent: float
    others_percent: float
    processes: list[Use]

    @property
    def python_pss_mb(self) -> float | None:
        """Of all Python processes; None where the system does not tell."""
        sizes = [each.pss_mb for each in self.processes if each.python]
        return None if None in sizes else sum(size for size in sizes if size is not None)


class Watch:
    """Measures from the moment it is made. Raises NotHere."""

    def __init__(self, address: tuple[str, int], clock: Callable[[], float] = time.perf_counter) -> None:
        self._address = address
        self._clock = clock
        self._before = {process: _cpu_seconds(process) for process in processes_at(address)}
        self._parents = {process: _parent(process) for process in self._before}
        self._machine = _machine_seconds()
        self._own = time.process_time()
        self._begun = clock()

    def use(self) -> ServerUse:
        """Return what was used since then. Raises NotHere."""
        seconds = self._clock() - self._begun
        processors = psutil.cpu_count() or 1
        machine, own = _machine_seconds() - self._machine, time.process_time() - self._own
        now = {process: _cpu_seconds(process) for process in processes_at(self._address)}
        used = used_since(self._before, now, self._parents)
        names: dict[tuple[str, bool], list[psutil.Process]] = {}
        for process in used:
            names.setdefault(_name(process), []).append(process)
        uses = [
            Use(
                name=name,
                number=len(group),
                python=python,
                cpu_percent=100 * sum(used[each] for each in group) / seconds / processors,
                pss_mb=_pss_mb(group),
            )
            for (name, python), group in names.items()
        ]
        return ServerUse(
            processors=processors,
            cpu_percent=sum(each.cpu_percent for each in uses),
            others_percent=max(0.0, 100 * (machine - own - sum(used.values())) / seconds / processors),
            processes=sorted(uses, key=lambda each: (-each.cpu_percent, each.name)),
        )


def used_since(before: Mapping[_P, float], now: Mapping[_P, float], parents: Mapping[_P, _P | None]) -> dict[_P, float]:
    """Return the seconds that each of those who are there now has used since then, children that have ended included.

    The time of one that has ended is its parent's now, with what it had used before: that is taken off again.
    """
    used = {process: seconds - before.get(process, 0.0) for process, seconds in now.items()}
    for ended in before.keys() - now.keys():
        heir = parents[ended]
        while heir is not None and heir not in used:
            heir = parents.get(heir)
        if heir is not None:
            used[heir] -= before[ended]
    return {process: max(0.0, seconds) for process, seconds in used.items()}


def processes_at(address: tuple[str, int]) -> list[psutil.Process]:
    """Return the gateway that listens there, the launcher that started it, and all of its family.

    Raises NotHere when it is no process of this platform that this user may look at.
    """
    if not _is_here(address[0]):
        raise NotHere("the platform is on another machine")
    try:
        listening = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    except psutil.AccessDenied as error:
        raise NotHere("the system does not tell this user who listens there") from error
    pids = [each.pid for each in listening if each.laddr and each.laddr.port == address[1] and each.pid is not None]
    if not pids:
        raise NotHere("no process of this user's listens there")
    try:
        return _family(psutil.Process(min(pids)))
    except (psutil.NoSuchProcess, psutil.AccessDenied) as error:
        raise NotHere("who listens there cannot be looked at") from error


def _is_here(ip: str) -> bool:
    own = {each.address.partition("%")[0] for group in psutil.net_if_addrs().values() for each in group}
    return ipaddress.ip_address(ip).is_loopback or ip.partition("%")[0] in own


def _family(process: psutil.Process) -> list[psutil.Process]:
    if not _module(process).startswith("services.gateway"):
        raise NotHere("who listens there is no gateway of this user's: perhaps a container's port")
    root = process
    for parent in process.parents():
        if not _module(parent).startswith(("services.", "deploy.local")):
            break
        root = parent
    return [root, *root.children(recursive=True)]


def _module(process: psutil.Process) -> str:
    """The module that a Python process was started with by -m, or nothing."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        line = process.cmdline()
        if "-m" in line[:-1]:
            return line[line.index("-m") + 1]
    return ""


def _name(process: psutil.Process) -> tuple[str, bool]:
    """What it is called here, and whether it is Python."""
    if module := _module(process):
        return module.removeprefix("services."), True
    try:
        name = process.name()
    except psutil.NoSuchProcess:
        name = "ended"
    return name, name.startswith("python")


def _cpu_seconds(process: psutil.Process) -> float:
    """User and system time, with that of the children that have ended: what they used goes to their parent."""
    try:
        times = process.cpu_times()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
    return sum((times.user, times.system, times.children_user, times.children_system))


def _parent(process: psutil.Process) -> psutil.Process | None:
    with suppress(psutil.Error):
        return process.parent()
    return None


def _machine_seconds() -> float:
    """What all processors together have worked for."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _pss_mb(processes: Sequence[psutil.Process]) -> float | None:
    found = 0.0
    for process in processes:
        try:
            found += process.memory_full_info().pss / _MIB
        except psutil.NoSuchProcess:
            continue
        except (psutil.AccessDenied, AttributeError):
            return None
    return found
