"""A client: it does one thing after the other, through any gateway, and writes down what came of it."""

import asyncio
import itertools
import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from tests.consistency.checker.history import GONE
from tests.consistency.connection import Answer, Connection, NoAnswer
from tests.consistency.owner import Owner, Token
from tests.consistency.shown import Shows, source_of
from tests.faults.journal import Journal

READ_SECONDS, WRITE_SECONDS = 2.0, 5.0
AGAIN_SECONDS = 0.004
"""After a request without an answer."""
COVERED = 10
"""Keys of which a lane says that its token covers them: of the last that it wrote, whose objects are far below 32."""


Body = Mapping[str, Any] | bytes | None
"""What is sent as JSON, or as it is under headers that say what it is."""


class Asked(NamedTuple):
    """A request as it went: through which gateway, from when to when, and its answer if there was one."""

    gateway: str
    begin: float
    end: float
    answer: Answer | None

    @property
    def status(self) -> int:
        """Of the answer; 0 of none."""
        return 0 if self.answer is None else self.answer.status


@dataclass
class Lane(ABC):
    """One client. `gateways` are the connections to each of them, `numbers` gives each number once to all lanes."""

    PAUSE: ClassVar[float] = 0.0
    """Seconds that it rests between two steps, on average."""

    name: str
    owner: Owner
    others: Sequence[Owner]
    gateways: Mapping[str, Connection]
    journal: Journal
    rng: random.Random
    numbers: Iterator[int]
    ops: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    stopped: bool = False
    """Set for it to end when the request is answered that is under way: what was asked for is then in the journal."""

    async def run(self) -> None:
        """Take one step after the other until stopped."""
        while not self.stopped:
            await asyncio.sleep(self.rng.uniform(0, 2 * self.PAUSE))
            await self.step()

    @abstractmethod
    async def step(self) -> None:
        """Do one thing."""

    def gateway(self) -> tuple[str, Connection]:
        """Any of them."""
        return self.rng.choice(list(self.gateways.items()))

    def next(self) -> str:
        """The name of the next operation."""
        return f"{self.name}.{next(self.ops)}"

    async def ask(
        self,
        method: str,
        path: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        *,
        gateway: tuple[str, Connection] | None = None,
        seconds: float = WRITE_SECONDS,
    ) -> Asked:
        """Ask for something under /api/v1 in the owner's name, and log in again where the session has run out."""
        name, connection = gateway or self.gateway()
        given = {**self.owner.authorization, **(headers or {})}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        begin, answer = time.monotonic(), None
        try:
            answer = await connection.ask(method, f"/api/v1{path}", given, content, seconds=seconds)
        except NoAnswer:
            await asyncio.sleep(AGAIN_SECONDS)
        return Asked(name, begin, time.monotonic(), answer)

    def read(
        self,
        op: str,
        path: str,
        asked: Asked,
        keys: Sequence[str],
        found: Mapping[str, tuple[int, str]],
        *,
        whole: str = "",
        due: Mapping[str, int] | None = None,
    ) -> None:
        """Write down what an answer showed."""
        source = "" if asked.answer is None else source_of(asked.answer.headers.get("cache-status", ""))
        self.journal.write(
            "read", op=op, owner=self.owner.name, gateway=asked.gateway, path=path, begin=asked.begin, end=asked.end,
            status=asked.status, source=source, keys=keys, whole=whole, found=found, due=due or {},
        )  # fmt: skip

    def wrote(
        self, op: str, owner: str, key: str, mark: str, asked: Asked, revision: int | None, *, deletes: bool = False
    ) -> None:
        """Write down what a request was to make of a key, and what it has made of it."""
        self.journal.write(
            "write", op=op, owner=owner, key=key, mark=mark, begin=asked.begin, end=asked.end, status=asked.status,
            revision=revision, deletes=deletes,
        )  # fmt: skip

    def begins_to_delete(self, op: str, owner: str, *keys: str) -> None:
        """Write down, before it is asked for, that keys may be gone from now on: readers may find that at once."""
        now = time.monotonic()
        for key in keys:
            self.wrote(f"{op}.begins", owner, key, "", Asked("", now, now, None), None, deletes=True)

    def close(self) -> None:
        """End the connections."""
        for connection in self.gateways.values():
            connection.close()


@dataclass
class Writer(Lane):
    """A client that writes, and tells the owner's readers how far its token reaches. `KIND` is of what it writes."""

    KIND: ClassVar[str] = ""

    due: dict[str, int] = field(default_factory=dict)
    text: str = ""

    async def change(
        self,
        method: str,
        path: str,
        body: Body,
        changes: Mapping[str, str],
        shows: Shows,
        headers: Mapping[str, str] | None = None,
        *,
        makes: Sequence[str] = (),
        of: str = "",
    ) -> Asked:
        """Ask for `changes`, by key the mark that it is to have, or have something made with these marks.

        `of` is whose it is, if it is another owner's.
        """
        op = self.next()
        given = {"Consistency-Token": self.text} if self.text else {}
        asked = await self.ask(method, path, body, {**given, **(headers or {})})
        done: dict[str, int] = {}
        if asked.answer is not None and asked.answer.status < 300:
            for key, (revision, mark) in shows(asked.answer.json()).items():
                if key in changes or makes:
                    done[key] = revision
                    self.wrote(op, of or self.owner.name, key, mark, asked, revision)
            self._covers(asked.answer, done)
        else:
            for key, mark in (*changes.items(), *(("", mark) for mark in makes)):
                self.wrote(op, of or self.owner.name, key, mark, asked, None)
        return asked

    async def delete(self, path: str, *keys: str) -> Asked:
        """Delete something, and with it these keys."""
        op = self.next()
        self.begins_to_delete(op, self.owner.name, *keys)
        given = {"Consistency-Token": self.text} if self.text else {}
        asked = await self.ask("DELETE", path, None, given)
        if asked.answer is not None and asked.answer.status == 204:
            for key in keys:
                self.wrote(op, self.owner.name, key, "", asked, GONE, deletes=True)
            self._covers(asked.answer, dict.fromkeys(keys, GONE))
        return asked

    def _covers(self, answer: Answer, done: Mapping[str, int]) -> None:
        known = {key: revision for key, revision in self.due.items() if key not in done} | {**done}
        self.due = dict(list(known.items())[-COVERED:])
        self.text = answer.headers["consistency-token"]
        self.owner.tokens[self.name] = Token(self.KIND, self.text, self.due)
