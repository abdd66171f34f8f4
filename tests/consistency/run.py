"""One run: the system, the load; first whole, then broken again and again, then as mutants, which must be found out."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.consistency.breaking import FEEDS_FORGOTTEN, MUTANT_SECONDS, NOTHING_BROKEN, SLOW_COMMITS, faults_of
from tests.consistency.checker import check, stale_reads
from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.history import History, Line, read_lines
from tests.consistency.checker.staleness import staleness
from tests.consistency.load import Load
from tests.consistency.report import Part, Report
from tests.faults.checker.snapshot import read_snapshot
from tests.faults.checker.violation import Violation
from tests.faults.cluster import TWO_GATEWAYS, Cluster, cluster
from tests.faults.injection import inject
from tests.faults.run import say
from tests.faults.schedule import Fault

LEASE_SECONDS = 0.25
COMPOSED = frozenset({"gateway", "strategy", "invalidator"})
WARM_SECONDS = 1.0
SETTLE_SECONDS = 30.0
READY_SECONDS = 60.0
LOOK_SECONDS = 1.0
HEALTHY, STRICT = 0.25, 0.5
"""Of the duration: nothing is broken; something is, and writes are strict. The rest: something is, and they are not."""


@dataclass(frozen=True)
class Composition:
    """What runs in place of the services that are `replaced`; settings by service. A mutant `fails_at` a fault."""

    name: str
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    replaced: Sequence[str] = ()
    fails_at: Fault = SLOW_COMMITS

    def arguments(self, service: str) -> tuple[str, ...]:
        """For the interpreter; none for the service itself."""
        return ("-m", "tests.consistency.mutants", self.name, service) if service in self.replaced else ()


_STRICT = {"strategy": {"CACHE_POLICY": "strict"}}
_SHARED_ONLY = {**_STRICT, "gateway": {"CACHE_L1_BYTES": "0"}}
STRICTLY = Composition("strict", _STRICT)
AVAILABLY = Composition("available", {"strategy": {"CACHE_POLICY": "available"}})
MUTANTS = (
    Composition("delete-on-write", _SHARED_ONLY, ("gateway", "strategy", "invalidator")),
    Composition("floors-only", _SHARED_ONLY, ("gateway", "strategy")),
    Composition("no-barrier", _SHARED_ONLY, ("strategy",)),
    Composition("deaf", _STRICT, ("gateway",), NOTHING_BROKEN),
    Composition("no-lease", _STRICT, ("gateway",), FEEDS_FORGOTTEN),
)


async def run(folder: Path, seed: int, duration: float, mutants: Sequence[Composition] = MUTANTS) -> Report:
    """Run in `folder`, where the journals, the logs and the report stay. Raises StartError when nothing can start."""
    parts: list[Part] = []
    async with _world(folder, seed) as world:
        await world.compose(STRICTLY)
        parts.append(await world.part("healthy", HEALTHY * duration, [], is_measured=True))
        say(parts[-1].line())
        broken = STRICT * duration
        parts.append(await world.part("strict", broken, faults_of(seed, broken)))
        say(parts[-1].line())
        await world.compose(AVAILABLY)
        broken = (1 - HEALTHY - STRICT) * duration
        parts.append(await world.part("available", broken, faults_of(seed + 1, broken), is_strict=False))
        say(parts[-1].line())
        for mutant in mutants:
            await world.compose(mutant)
            parts.append(await world.find_out(mutant))
            say(parts[-1].line())
    report = Report(seed, duration, parts, folder / "report.json")
    report.write()
    return report


@asynccontextmanager
async def _world(folder: Path, seed: int) -> AsyncIterator["_World"]:
    async with cluster(folder, TWO_GATEWAYS) as system:
        gateways = {name: each.port for name, each in system.instances.items() if each.service == "gateway"}
        load = Load(gateways, system.url_behind("bus"), seed)
        await load.prepare()
        hops = folder / "hops.jsonl"
        hop = [sys.executable, "-m", "tests.consistency.hop", str(hops)]
        await system.add_program("hop", hop, "cache")
        yield _World(system, load, folder, hops)


@dataclass
class _World:
    """The running system and its load."""

    cluster: Cluster
    load: Load
    folder: Path
    hops: Path
    running: dict[str, tuple[tuple[str, ...], dict[str, str]]] = field(default_factory=dict)
    number: int = 0

    async def compose(self, composition: Composition) -> None:
        """Have the services run as a composition says, on an empty cache; those that do already go on."""
        for name, instance in list(self.cluster.instances.items()):
            wanted = composition.arguments(instance.service), dict(composition.settings.get(instance.service, {}))
            if instance.service in COMPOSED and self.running.get(name, ((), {})) != wanted:
                await self.cluster.replace(name, arguments=wanted[0], settings=wanted[1])
                self.running[name] = wanted
        await inject(self.cluster, Fault(0, 0.0, 0.0, "flush", "cache"))
        await self._until_ready()

    async def part(
        self,
        name: str,
        seconds: float,
        faults: Sequence[Fault],
        *,
        is_strict: bool = True,
        is_measured: bool = False,
    ) -> Part:
        """Have the load go on for so long, and suffer faults; then, in quiet, look at what is left, and check."""
        path, began = await self._begin(name), time.monotonic()
        suffered = await self._suffer(began, faults)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        self.load.check()
        if is_measured:
            self.load.journal.write("quiet", begin=began + WARM_SECONDS, end=time.monotonic())
        troubles = await self._until_ready()
        await self.load.stop()
        troubles += await self._settle()
        await self.load.read_all()
        await self._write_rows()
        await self.load.end()
        evidence = Evidence(History(self._lines(path)), is_strict, LEASE_SECONDS)
        measured = staleness(evidence) if is_measured else None
        return Part(name, evidence, check(evidence), measured=measured, faults=suffered, troubles=troubles)

    async def find_out(self, mutant: Composition) -> Part:
        """Give a mutant what it cannot stand, until a read is found old, or for long enough to say that none is."""
        path, began = await self._begin(mutant.name), time.monotonic()
        suffering = asyncio.create_task(self._suffer(began, [mutant.fails_at]))
        found: list[Violation] = []
        while not found and time.monotonic() - began < MUTANT_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            self.load.check()
            evidence = Evidence(History(read_lines(path)), lease=LEASE_SECONDS)
            found = stale_reads(evidence)
        suffering.cancel()
        await asyncio.gather(suffering, return_exceptions=True)
        await self.load.stop()
        await self.load.end()
        return Part(mutant.name, evidence, found, is_mutant=True, faults=[mutant.fails_at.name])

    async def _begin(self, name: str) -> Path:
        self.number += 1
        path = self.folder / f"{self.number:02d}-{name}.jsonl"
        await self.load.start(path, f"{self.number}", await read_snapshot(self.cluster.url_behind("postgres")))
        return path

    async def _suffer(self, began: float, faults: Sequence[Fault]) -> list[str]:
        suffered = []
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
            self.load.check()
            self.cluster.tell(fault.name)
            await inject(self.cluster, fault)
            suffered.append(fault.name)
        return suffered

    async def _until_ready(self) -> list[str]:
        """Wait until every process is ready; returns those that are not."""
        end = time.monotonic() + READY_SECONDS
        unready: dict[str, str] = {"all": "not looked at"}
        while unready and time.monotonic() < end:
            names = list(self.cluster.instances)
            found = await asyncio.gather(*(self.cluster.unready(name) for name in names))
            unready = {name: why for name, why in zip(names, found, strict=True) if why is not None}
            await asyncio.sleep(0.05 if unready else 0)
        return [f"{name} is not ready: {why}" for name, why in unready.items()]

    async def _settle(self) -> list[str]:
        """Wait until the invalidator has acknowledged every change there is."""
        due: dict[str, int] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    snapshot = await read_snapshot(self.cluster.url_behind("postgres"))
                    due = {key: snapshot.versions[f"strategy:{key}"] for key in snapshot.strategies}
                    if all(self.load.observer.applied.get(key, 0) >= version for key, version in due.items()):
                        return []
                    await asyncio.sleep(0.1)
        return [f"the invalidator has not acknowledged {due}, but {self.load.observer.applied}"]

    async def _write_rows(self) -> None:
        snapshot = await read_snapshot(self.cluster.url_behind("postgres"))
        names = {key: owner.name for owner in self.load.owners for key in owner.keys}
        for key, row in snapshot.strategies.items():
            version = snapshot.versions[f"strategy:{key}"]
            self.load.journal.write(
                "row", key=key, owner=names[key], revision=row["revision"], mark=row["name"], version=version
            )

    def _lines(self, path: Path) -> list[Line]:
        return [*read_lines(path), *read_lines(self.hops)]
