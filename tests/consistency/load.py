"""The load: owners with strategies and runs, an administrator and a deputy, and who looks on."""

import asyncio
import itertools
import random
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.consistency.accounts import Administrator, Sessions
from tests.consistency.checker.history import GONE, Row
from tests.consistency.connection import Connection
from tests.consistency.lanes import Lane
from tests.consistency.observer import Observer
from tests.consistency.owner import Owner, asked
from tests.consistency.readers import ALL_ACCOUNTS, Overseer, Reader
from tests.consistency.writers import (
    DESCRIPTION,
    DatasetWriter,
    NameWriter,
    RunWriter,
    StrategyWriter,
    SweepWriter,
    spec_of,
)
from tests.faults.journal import Journal

OWNERS, STRATEGIES = ("ann", "bob"), 3
ROOT, DEPUTY = "root", "deputy"
OF_AN_OWNER: tuple[type[Lane], ...] = (
    *(StrategyWriter, StrategyWriter, DatasetWriter, RunWriter, SweepWriter, NameWriter, Sessions),
    *(Reader,) * 4,
)
OF_ROOT: tuple[type[Lane], ...] = (Administrator, Overseer)
OF_DEPUTY: tuple[type[Lane], ...] = (Overseer, Sessions)


class Load:
    """`ports` of the gateways by name. Each part of a run has a journal of its own; the owners stay."""

    def __init__(self, ports: Mapping[str, int], bus: str, seed: int) -> None:
        self.owners = [Owner(name) for name in OWNERS]
        self.root, self.deputy = Owner(ROOT), Owner(DEPUTY)
        self.journal: Journal
        self.observer: Observer
        self._ports = ports
        self._bus = bus
        self._rng = random.Random(seed)
        self._numbers = itertools.count(1)
        self._lanes: list[Lane] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def everybody(self) -> list[Owner]:
        """All who have an account."""
        return [*self.owners, self.root, self.deputy]

    @property
    def names(self) -> dict[str, str]:
        """Their names, by id."""
        return {each.id: each.name for each in self.everybody}

    async def prepare(self) -> None:
        """Open the accounts, store what there is to begin with. Raises AssertionError or NoAnswer."""
        connection = Connection(next(iter(self._ports.values())))
        for owner in self.everybody:
            await owner.register(connection)
        for owner in self.owners:
            await owner.log_in(connection)
            await owner.upload(connection, next(self._numbers))
            for _ in range(STRATEGIES):
                name, spec = f"{owner.name}.{next(self._numbers)}", spec_of(next(self._numbers))
                body = {"name": name, "description": DESCRIPTION, "spec": spec}
                answer = await asked(connection, "POST", "/strategies", owner.authorization, body)
                owner.has("strategy", str(answer.json()["id"]))
            owner.kept = frozenset(owner.live["strategy"])
        connection.close()

    async def start(self, path: Path, name: str, rows: Collection[Row]) -> None:
        """Begin one part of a run, which knows of what was before it what the database says."""
        self.journal = Journal(path)
        for row in rows:
            self._was(row.owner, row.key, row.mark, row.revision)
        there = {row.key for row in rows}
        for owner in self.owners:
            for key in owner.gone_keys():
                self._was(owner.name, key, "", None if key in there else GONE, deletes=True)
        self.observer = Observer(self._bus, self.journal)
        owned = [lane for owner in self.owners for lane in self._lanes_of(name, owner, OF_AN_OWNER)]
        of_root = self._lanes_of(name, self.root, OF_ROOT)
        self._lanes = [*owned, *of_root, *self._lanes_of(name, self.deputy, OF_DEPUTY)]
        await self._log_in(next(lane for lane in of_root if isinstance(lane, Administrator)))
        self._tasks = [
            *(asyncio.create_task(each.run()) for each in self._lanes),
            asyncio.create_task(self.observer.run()),
        ]

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
        """Read everything there is through each gateway, without a token, when all is quiet."""
        overseer = next(each for each in self._lanes if isinstance(each, Overseer) and each.owner is self.root)
        for name in self._ports:
            await overseer.look(f"final.{name}", ALL_ACCOUNTS, gateway=(name, overseer.gateways[name]))
            for owner in self.owners:
                reader = next(each for each in self._lanes if isinstance(each, Reader) and each.owner is owner)
                for question in reader.everything():
                    await reader.look(f"final.{name}", question, gateway=(name, reader.gateways[name]))

    async def end(self) -> None:
        """Look on no more; the journal is whole."""
        self.observer.stop()
        await self._tasks[-1]
        for lane in self._lanes:
            lane.close()
        self.journal.close()

    def _was(self, owner: str, key: str, mark: str, revision: int | None, *, deletes: bool = False) -> None:
        """Write down what was before this part; of a deletion that was never answered, that it may happen yet."""
        now = time.monotonic()
        self.journal.write(
            "write", op=f"before.{key}", owner=owner, key=key, mark=mark, begin=now, end=now,
            status=0 if revision is None else 200, revision=revision, deletes=deletes,
        )  # fmt: skip

    async def _log_in(self, administrator: Administrator) -> None:
        """Everybody anew: an access token says the role that the account had then."""
        connection = Connection(next(iter(self._ports.values())))
        for owner in self.everybody:
            owner.tokens.clear()
            owner.session = ""
            if owner is self.deputy:
                await administrator.restore()
            await owner.log_in(connection)
        connection.close()

    def _lanes_of(self, name: str, owner: Owner, kinds: tuple[type[Lane], ...]) -> list[Lane]:
        others = [self.deputy] if owner is self.root else [each for each in self.owners if each is not owner]
        return [self._lane(kind, f"{name}.{number}", owner, others) for number, kind in enumerate(kinds)]

    def _lane(self, kind: type[Lane], name: str, owner: Owner, others: list[Owner]) -> Lane:
        gateways = {gateway: Connection(port) for gateway, port in self._ports.items()}
        rng = random.Random(self._rng.random())
        return kind(f"{owner.name}.{name}", owner, others, gateways, self.journal, rng, self._numbers)
