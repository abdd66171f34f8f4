"""One run: the system, the load; first whole, then broken again and again, then as mutants, which must be found out."""

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from deploy.local.program import ROOT as ROOT_FOLDER
from tests.consistency.breaking import MUTANT_SECONDS, absence_of, faults_of
from tests.consistency.checker import check, shown_wrongly
from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.history import History, Line, Row, kind_of, read_lines
from tests.consistency.checker.staleness import staleness
from tests.consistency.compositions import AVAILABLY, COMPOSED, MUTANTS, STRICTLY, Composition, Mutants
from tests.consistency.load import ROOT, Load
from tests.consistency.observer import KINDS
from tests.consistency.report import Part, Report
from tests.consistency.rows import read_rows, unfinished_runs
from tests.faults.checker.violation import Violation
from tests.faults.cluster import TWO_GATEWAYS, Cluster, cluster
from tests.faults.injection import inject
from tests.faults.run import say
from tests.faults.schedule import Fault

LEASE_SECONDS = 0.25
AVAILABLE = frozenset({"strategy", "versions", "backtest", "sweep", "dataset"})
"""The kinds whose writes do not wait for the cache, where nothing else is said of them."""
WARM_SECONDS = 1.0
SETTLE_SECONDS = 30.0
READY_SECONDS = 60.0
LOOK_SECONDS = 0.5
HEALTHY, STRICT = 0.25, 0.5
"""Of the duration: nothing is broken; something is, and writes are strict. The rest: something is, and most are not."""


async def run(folder: Path, seed: int, duration: float, mutants: Sequence[Mutants] = MUTANTS) -> Report:
    """Run in `folder`, where the journals, the logs and the report stay. Raises StartError when nothing can start."""
    parts: list[Part] = []
    async with _world(folder, seed) as world:
        await world.compose(STRICTLY)
        parts.append(await world.part("healthy", HEALTHY * duration, [], is_measured=True))
        say(parts[-1].line())
        broken = STRICT * duration
        away = absence_of(broken)
        parts.append(await world.part("strict", broken, faults_of(seed, broken, away), absences=[away]))
        say(parts[-1].line())
        await world.compose(AVAILABLY)
        broken = (1 - HEALTHY - STRICT) * duration
        parts.append(await world.part("available", broken, faults_of(seed + 1, broken), lax=AVAILABLE))
        say(parts[-1].line())
        for mutant in mutants:
            await world.compose(mutant.composition)
            parts.append(await world.find_out(mutant))
            say(parts[-1].line())
    report = Report(seed, duration, parts, folder / "report.json")
    report.write()
    return report


@asynccontextmanager
async def _world(folder: Path, seed: int) -> AsyncIterator["_World"]:
    async with cluster(folder, replace(TWO_GATEWAYS, own=STRICTLY.settings)) as system:
        running = {name: STRICTLY.program(each.service) for name, each in system.instances.items()}
        gateways = {name: each.port for name, each in system.instances.items() if each.service == "gateway"}
        load = Load(gateways, system.url_behind("bus"), seed)
        await load.prepare()
        await _give_role(system, f"{ROOT}@example.com")
        hops = folder / "hops.jsonl"
        hop = [sys.executable, "-m", "tests.consistency.hop", str(hops)]
        await system.add_program("hop", hop, "cache")
        yield _World(system, load, folder, hops, running)


async def _give_role(system: Cluster, email: str) -> None:
    """As an operator does, on the strategy service's database and cache."""
    environment = system.instances["strategy-1"].program.environment
    command = [sys.executable, "-m", "services.strategy.set_role", email, "admin"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT_FOLDER, stdout=PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


@dataclass
class _World:
    """The running system and its load."""

    cluster: Cluster
    load: Load
    folder: Path
    hops: Path
    running: dict[str, tuple[tuple[str, ...], dict[str, str]]]
    number: int = 0

    async def compose(self, composition: Composition) -> None:
        """Have the services run as a composition says, on an empty cache; those that do already go on."""
        for name, instance in list(self.cluster.instances.items()):
            wanted = composition.program(instance.service)
            if instance.service in COMPOSED and self.running[name] != wanted:
                await self.cluster.replace(name, arguments=wanted[0], settings=wanted[1])
                self.running[name] = wanted
        await inject(self.cluster, Fault(0, 0.0, 0.0, "flush", "cache"))
        unready = await self._until_ready()
        assert not unready, unready

    async def part(
        self,
        name: str,
        seconds: float,
        faults: Sequence[Fault],
        *,
        absences: Sequence[Fault] = (),
        lax: Set[str] = frozenset(),
        is_measured: bool = False,
    ) -> Part:
        """Have the load go on for so long, and suffer faults; then, in quiet, look at what is left, and check.

        `absences` are faults that the others do not wait for.
        """
        path, began = await self._begin(name), time.monotonic()
        suffered, away = await asyncio.gather(self._suffer(began, faults), self._suffer(began, absences))
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
        evidence = Evidence(History(self._lines(path)), lax, LEASE_SECONDS)
        measured = staleness(evidence) if is_measured else None
        return Part(name, evidence, check(evidence), measured=measured, faults=[*suffered, *away], troubles=troubles)

    async def find_out(self, mutants: Mutants) -> Part:
        """Give mutants what they cannot stand, until each has shown itself or has had long enough to."""
        path, began = await self._begin(mutants.name), time.monotonic()
        suffering = asyncio.create_task(self._suffer(began, [mutants.fails_at]))
        found: dict[str, list[Violation]] = {name: [] for name in mutants.signs}
        while not all(found.values()) and time.monotonic() - began < MUTANT_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            self.load.check()
            evidence = Evidence(History(read_lines(path)), lease=LEASE_SECONDS)
            violations = shown_wrongly(evidence)
            found = {name: [each for each in violations if sign(each)] for name, sign in mutants.signs.items()}
        suffering.cancel()
        await asyncio.gather(suffering, return_exceptions=True)
        await self.load.stop()
        await self.load.end()
        return Part(mutants.name, evidence, violations, found_out=found, faults=[mutants.fails_at.name])

    async def _begin(self, name: str) -> Path:
        self.number += 1
        path = self.folder / f"{self.number:02d}-{name}.jsonl"
        await self.load.start(path, f"{self.number}", await self._rows())
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
        """Wait until every run has ended, and the invalidator has acknowledged every change there is."""
        late: dict[str, int] = {}
        unfinished = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    unfinished = await unfinished_runs(self.cluster.url_behind("postgres"))
                    applied = self.load.observer.applied
                    due = {row.key: row.version for row in await self._rows() if kind_of(row.key) in KINDS}
                    late = {key: version for key, version in due.items() if applied.get(key, 0) < version}
                    if not unfinished and not late:
                        return []
                    await asyncio.sleep(0.1)
        return [f"{unfinished} runs have not ended; the invalidator has not acknowledged {late}"]

    async def _rows(self) -> list[Row]:
        return await read_rows(self.cluster.url_behind("postgres"), self.load.names)

    async def _write_rows(self) -> None:
        for row in await self._rows():
            self.load.journal.write("row", **msgspec.structs.asdict(row))

    def _lines(self, path: Path) -> list[Line]:
        return [*read_lines(path), *read_lines(self.hops)]
