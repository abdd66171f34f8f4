"""The load: owners with a few strategies each, writers and readers of each, and who looks on."""

import asyncio
import random
import time
from collections.abc import Mapping
from pathlib import Path

from tests.consistency.connection import Connection
from tests.consistency.lanes import Lane, Reader, Writer
from tests.consistency.observer import Observer
from tests.consistency.owner import Owner
from tests.faults.checker.snapshot import Snapshot
from tests.faults.journal import Journal

OWNERS, STRATEGIES = ("ann", "bob"), 3
WRITERS, READERS = 2, 4
"""For each owner."""


class Load:
    """`ports` of the gateways by name. Each part of a run has a journal of its own; the owners stay."""

    def __init__(self, ports: Mapping[str, int], bus: str, seed: int) -> None:
        self.owners = [Owner(name) for name in OWNERS]
        self.journal: Journal
        self.observer: Observer
        self._ports = ports
        self._bus = bus
        self._rng = random.Random(seed)
        self._lanes: list[Reader | Writer] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._marks: dict[str, str] = {}

    async def prepare(self) -> None:
        """Open the accounts, store the strategies. Raises AssertionError or NoAnswer."""
        connection = Connection(next(iter(self._ports.values())))
        for owner in self.owners:
            for key, mark in zip(owner.keys, await owner.prepare(connection, STRATEGIES), strict=True):
                self._marks[key] = mark
        connection.close()

    async def start(self, path: Path, name: str, snapshot: Snapshot) -> None:
        """Begin one part of a run, which knows of what was before it what the database says."""
        self.journal = Journal(path)
        connection = Connection(next(iter(self._ports.values())))
        for owner in self.owners:
            owner.tokens.clear()
            await owner.log_in(connection)
        connection.close()
        now = time.monotonic()
        for key, row in snapshot.strategies.items():
            (owner,) = (each for each in self.owners if key in each.keys)
            self.journal.write(
                "write", op=f"before.{key}", owner=owner.name, key=key, mark=row["name"], begin=now, end=now,
                status=200, revision=row["revision"],
            )  # fmt: skip
        self.observer = Observer(self._bus, self.journal)
        self._lanes = [lane for owner in self.owners for lane in self._lanes_of(name, owner)]
        self._tasks = [asyncio.create_task(each.run()) for each in (*self._lanes, self.observer)]

    def check(self) -> None:
        """Raise what a lane has failed with."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End the lanes, not who looks on."""
        for lane in self._lanes:
            lane.stopped = True
        await asyncio.gather(*self._tasks[:-1])

    async def read_all(self) -> None:
        """Read each strategy and each list through each gateway, without a token, when all is quiet."""
        for owner in self.owners:
            reader = next(each for each in self._lanes if isinstance(each, Reader) and each.owner is owner)
            for name, connection in reader.gateways.items():
                for key in owner.keys:
                    await reader.read(f"final.{name}.{key}", name, connection, f"/{key}", (key,))
                await reader.read(f"final.{name}", name, connection, "?limit=50", owner.keys)

    async def end(self) -> None:
        """Look on no more; the journal is whole."""
        self.observer.stop()
        await self._tasks[-1]
        for lane in self._lanes:
            lane.close()
        self.journal.close()

    def _lanes_of(self, name: str, owner: Owner) -> list[Reader | Writer]:
        others = [each for each in self.owners if each is not owner]
        kinds = [Writer] * WRITERS + [Reader] * READERS
        return [self._lane(kind, f"{name}.{number}", owner, others) for number, kind in enumerate(kinds)]

    def _lane(self, kind: type[Lane], name: str, owner: Owner, others: list[Owner]) -> Reader | Writer:
        gateways = {gateway: Connection(port) for gateway, port in self._ports.items()}
        lane = kind(f"{owner.name}.{name}", owner, others, gateways, self.journal, random.Random(self._rng.random()))
        assert isinstance(lane, (Reader, Writer))
        return lane
