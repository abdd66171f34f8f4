"""One run: the system, the load, the consumer, the faults; then quiet, the checker and the report."""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.faults.checker import Evidence, check
from tests.faults.checker.answers import FaultRun
from tests.faults.checker.deliveries import read_log
from tests.faults.checker.history import Operation, read_journal
from tests.faults.checker.snapshot import Row, Snapshot, read_snapshot
from tests.faults.client import Client
from tests.faults.cluster import Cluster, cluster
from tests.faults.healing import Healing, allowed_seconds
from tests.faults.injection import inject
from tests.faults.journal import Journal
from tests.faults.load import Load, http_client, load, uploaded
from tests.faults.report import Report
from tests.faults.schedule import HEAL_SECONDS, REST_SECONDS, Fault, schedule

SETTLE_SECONDS = 180.0
STILL_SECONDS = 20.0
"""Without the end of any run: then those that are left are stuck."""
CATCH_UP_SECONDS = 30.0
REPEATED_RUNS = 8
REPEATED_SWEEPS = 2
PROBE_NUMBERS = 90_000_000
Body = Callable[["Chaos"], Awaitable[None]]


def say(text: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass
class Chaos:
    """A run under way: what is done to the system while the load goes on is done with this."""

    cluster: Cluster
    load: Load
    healing: Healing
    began: float
    faults: list[dict[str, Any]] = field(default_factory=list)

    async def at(self, seconds: float) -> None:
        """Wait until so long after the load began."""
        await asyncio.sleep(max(0.0, self.began + seconds - time.monotonic()))

    async def suffer(self, fault: Fault) -> None:
        """Do a fault, and wait until it is healed or given up."""
        self.cluster.tell(f"{fault.number}. {fault.name}")
        began = time.monotonic()
        is_kill = fault.action == "kill"
        killed = [each.pid for each in self.cluster.processes_of(fault.target)] if is_kill else []
        await inject(self.cluster, fault)
        ended = time.monotonic()
        self.cluster.tell(f"{fault.number}. {fault.name}: the cause has ended")
        parts = await self.healing.seconds(fault.target, killed)
        known = [each for each in parts.values() if each is not None]
        healed = max(known) if len(known) == len(parts) else None
        in_time = healed is not None and healed <= HEAL_SECONDS
        allowed = await allowed_seconds() if is_kill and not in_time else HEAL_SECONDS
        self.faults.append({
            "number": fault.number, "name": fault.name, "began": began, "ended": ended, "healed": healed,
            "allowed": allowed, "parts": parts,
        })  # fmt: skip
        after = "not healed" if healed is None else f"healed after {healed:.2f} s"
        self.cluster.tell(f"{fault.number}. {fault.name}: {after}")
        say(f"{began - self.began:6.1f} s  {fault.name:<28} {ended - began:4.1f} s, {after}")


def faults_of(seed: int, duration: float, heal: float = HEAL_SECONDS) -> Body:
    """What a run of so many seconds suffers, one fault `heal` seconds after the other or when that has healed."""

    async def suffer(chaos: Chaos) -> None:
        for fault in schedule(seed, duration, heal=heal):
            await chaos.at(fault.at)
            await chaos.suffer(fault)
            await asyncio.sleep(REST_SECONDS)
        await chaos.at(duration)

    return suffer


async def run(folder: Path, seed: int, duration: float, body: Body | None = None) -> Report:
    """Run in `folder`, where the journal, the logs and the report stay. Raises StartError when nothing can start."""
    journal = Journal(folder / "journal.jsonl")
    events = folder / "events.jsonl"
    async with cluster(folder) as system:
        await system.add_program("consumer", [sys.executable, "-m", "tests.faults.consumer", str(events), str(seed)])
        async with load(system.address, journal, seed) as made, http_client(system.address) as http:
            probe = Client("probe-9-0", http, journal)
            await probe.register()
            healing = Healing(system, probe, await uploaded(probe, seed), first_number=PROBE_NUMBERS)
            chaos = Chaos(system, made, healing, time.monotonic())
            made.start()
            try:
                await _beside(made, (body or faults_of(seed, duration))(chaos))
            finally:
                await healing.close()
            ended = time.monotonic()
            say("the load ends")
            await made.stop()
            database = system.url_behind("postgres")
            progressing = await _settle(database)
            await _repeat_in_quiet(http, journal, seed, await read_snapshot(database))
            await _catch_up(database, events)
            await _read_all(made, await read_snapshot(database))
            snapshot = await read_snapshot(database)
    journal.close()
    operations = read_journal(journal.path)
    faults = _fault_runs(chaos.faults, ended)
    evidence = Evidence(operations, read_log(events), snapshot, faults, chaos.began, progressing)
    return Report.of(seed, duration, evidence, chaos.faults, check(evidence), folder)


async def _beside(made: Load, work: Awaitable[None]) -> None:
    """Do the work while the load goes on; a lane that fails ends both. Raises what failed."""
    working = asyncio.ensure_future(work)
    failing = asyncio.create_task(made.failed())
    try:
        await asyncio.wait({working, failing}, return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            failing.result()
        await working
    finally:
        for task in (working, failing):
            task.cancel()
        await asyncio.gather(working, failing, return_exceptions=True)


def _fault_runs(faults: list[dict[str, Any]], ended: float) -> list[FaultRun]:
    begins = [*(each["began"] for each in faults), ended][1:] if faults else []
    return [
        FaultRun(each["name"], each["began"], each["ended"], each["healed"], each["allowed"], following)
        for each, following in zip(faults, begins, strict=True)
    ]


async def _settle(database: str) -> bool:
    """Wait until every run has ended, or none has for a while; returns whether they still were ending at the end."""
    loop = asyncio.get_running_loop()
    give_up, last, changed = loop.time() + SETTLE_SECONDS, -1, loop.time()
    connection = await asyncpg.connect(database)
    try:
        while loop.time() < give_up:
            open_runs = await connection.fetchval(_OPEN_RUNS)
            if open_runs == 0:
                return False
            if open_runs != last:
                last, changed = open_runs, loop.time()
            if loop.time() - changed > STILL_SECONDS:
                return False
            await asyncio.sleep(0.2)
        return True
    finally:
        await connection.close()


_OPEN_RUNS = """
SELECT (SELECT count(*) FROM backtest.backtests WHERE status NOT IN ('succeeded', 'failed', 'cancelled'))
     + (SELECT count(*) FROM backtest.sweeps WHERE status NOT IN ('succeeded', 'failed', 'cancelled'))
"""


async def _repeat_in_quiet(http: httpx.AsyncClient, journal: Journal, seed: int, snapshot: Snapshot) -> None:
    """Have somebody else ask for some of the same runs: nothing is answered from another owner's results."""
    client = Client("quiet-8-0", http, journal)
    await client.register()
    dataset = await uploaded(client, seed)
    operations = read_journal(journal.path)
    rng = random.Random(seed)
    for kind, rows, most in (
        ("backtest", snapshot.backtests, REPEATED_RUNS),
        ("sweep", snapshot.sweeps, REPEATED_SWEEPS),
    ):
        done = [each for each in operations if each.kind == f"{kind}.create" and _succeeded(each, rows)]
        for operation in rng.sample(done, min(most, len(done))):
            body = {**operation.body, "dataset_id": dataset, "spec": rows[operation.id]["spec"]}
            body.pop("strategy_id", None)
            await client.write(f"{kind}.create", "POST", f"/{kind}s", mark=operation.mark, body=body, wait=30)


def _succeeded(operation: Operation, rows: Mapping[str, Row]) -> bool:
    return operation.id in rows and rows[operation.id]["status"] == "succeeded"


async def _catch_up(database: str, events: Path) -> None:
    """Wait until the consumer has been given the last event of each stream, or it is clear that it will not be."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while True:
                snapshot = await read_snapshot(database)
                seen = {(each.stream, each.sequence) for each in read_log(events)}
                due = {(stream, last) for stream, last in snapshot.sequences.items() if ".events." in stream}
                if due <= seen and not snapshot.unpublished:
                    return
                await asyncio.sleep(0.5)


async def _read_all(made: Load, snapshot: Snapshot) -> None:
    """Read each strategy as anybody does, through the cache and without a token."""
    lanes = {lane.client.owner: lane.client for lane in made.lanes}
    for row in snapshot.strategies.values():
        if (client := lanes.get(row["owner_id"])) is not None:
            await client.read("final.read", f"/strategies/{row['id']}", subject=row["id"], token=False)
