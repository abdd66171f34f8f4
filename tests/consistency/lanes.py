"""The clients: each does one thing after the other, through every gateway in turn, and writes down what came of it."""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.consistency.checker.history import Source
from tests.consistency.connection import Answer, Connection, NoAnswer
from tests.consistency.owner import Owner, Token
from tests.faults.journal import Journal

READ_SECONDS, WRITE_SECONDS = 2.0, 5.0
READ_PAUSE, WRITE_PAUSE = 0.004, 0.04
"""What a lane rests between two requests, on average."""
LISTS = ("?limit=50", "?limit=50&sort=name", "?limit=50&sort=-updated_at")
Found = dict[str, tuple[int, str]]


@dataclass
class Lane:
    """One client. `gateways` are the connections to each of them."""

    name: str
    owner: Owner
    others: Sequence[Owner]
    gateways: Mapping[str, Connection]
    journal: Journal
    rng: random.Random
    ops: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    stopped: bool = False
    """Set for it to end when the request is answered that is under way: what was asked for is then in the journal."""

    def gateway(self) -> tuple[str, Connection]:
        """Any of them."""
        return self.rng.choice(list(self.gateways.items()))

    def next(self) -> str:
        """The name of the next operation."""
        return f"{self.name}.{next(self.ops)}"

    async def refused(self, answer: Answer, connection: Connection) -> bool:
        """Log in again where that is what the answer asks for."""
        if answer.status != 401:
            return False
        await self.owner.log_in(connection)
        return True

    def close(self) -> None:
        """End the connections."""
        for connection in self.gateways.values():
            connection.close()


class Writer(Lane):
    """Gives strategies names that no other write gives."""

    async def run(self) -> None:
        """Write until stopped."""
        due: dict[str, int] = {}
        text = ""
        while not self.stopped:
            await asyncio.sleep(self.rng.uniform(0, 2 * WRITE_PAUSE))
            key = self.rng.choice(self.owner.keys)
            given = {"Consistency-Token": text} if text else {}
            answer = await self.write(key, given)
            if answer is not None and answer.status == 200:
                due = {**due, key: int(answer.json()["revision"])}
                text = answer.headers["consistency-token"]
                self.owner.tokens[self.name] = Token(text, due)

    async def write(self, key: str, given: Mapping[str, str]) -> Answer | None:
        """Rename one strategy; None when there was no answer."""
        op, answer = self.next(), None
        mark = f"{self.owner.name}.{op}"
        _, connection = self.gateway()
        begin = time.monotonic()
        body = json.dumps({"name": mark}).encode()
        headers = {**self.owner.authorization, **given}
        try:
            answer = await connection.ask("PATCH", f"/api/v1/strategies/{key}", headers, body, seconds=WRITE_SECONDS)
        except NoAnswer:
            await asyncio.sleep(READ_PAUSE)
        end = time.monotonic()
        status = answer.status if answer is not None else 0
        revision = int(answer.json()["revision"]) if answer is not None and status == 200 else None
        self.journal.write(
            "write", op=op, owner=self.owner.name, key=key, mark=mark, begin=begin, end=end, status=status,
            revision=revision,
        )  # fmt: skip
        if answer is not None:
            await self.refused(answer, connection)
        return answer


@dataclass
class Reader(Lane):
    """Reads strategies and lists, with and without a token, now and then only if they have changed."""

    tags: dict[str, tuple[str, Found]] = field(default_factory=dict)
    """By path the last tag, and what it stands for."""

    async def run(self) -> None:
        """Read until stopped."""
        while not self.stopped:
            await asyncio.sleep(self.rng.uniform(0, 2 * READ_PAUSE))
            path, owned = self._choose()
            token = self._token()
            name, connection = self.gateway()
            await self.read(self.next(), name, connection, path, owned, token)

    def _choose(self) -> tuple[str, Sequence[str]]:
        chance = self.rng.random()
        if chance < 0.75:
            key = self.rng.choice(self.owner.keys)
            return f"/{key}", (key,)
        if chance < 0.95:
            return self.rng.choice(LISTS), tuple(self.owner.keys)
        return f"/{self.rng.choice(self.rng.choice(self.others).keys)}", ()

    def _token(self) -> Token | None:
        tokens = list(self.owner.tokens.values())
        return self.rng.choice(tokens) if tokens and self.rng.random() < 0.4 else None

    async def read(
        self, op: str, gateway: str, connection: Connection, path: str, owned: Sequence[str], token: Token | None = None
    ) -> None:
        """Read once and write it down."""
        headers = dict(self.owner.authorization)
        tag, before = self.tags.get(path, ("", {}))
        if tag and self.rng.random() < 0.3:
            headers["If-None-Match"] = tag
        if self.rng.random() < 0.3:
            headers["Accept-Encoding"] = "gzip"
        if token is not None:
            headers["Consistency-Token"] = token.text
        found: Found = {}
        status, source = 0, ""
        begin = time.monotonic()
        try:
            answer = await connection.ask("GET", f"/api/v1/strategies{path}", headers, seconds=READ_SECONDS)
        except NoAnswer:
            await asyncio.sleep(READ_PAUSE)
            end = time.monotonic()
        else:
            end = time.monotonic()
            status, source = answer.status, source_of(answer.headers.get("cache-status", ""))
            if status == 304:
                found = before
            elif status == 200:
                found = found_in(answer.json())
                self.tags[path] = answer.headers["etag"], found
            await self.refused(answer, connection)
        due = {key: token.due[key] for key in owned if key in token.due} if token is not None else {}
        self.journal.write(
            "read", op=op, owner=self.owner.name, gateway=gateway, path=path, begin=begin, end=end, status=status,
            source=source, owned=owned, found=found, due=due,
        )  # fmt: skip


def found_in(value: Any) -> Found:
    """By key the revision and the name that a strategy or a list of them shows."""
    items = value.get("items", [value])
    return {str(item["id"]): (int(item["revision"]), str(item["name"])) for item in items}


def source_of(cache_status: str) -> Source:
    """Where an answer came from."""
    if "hit" in cache_status:
        return "l1" if "-l1" in cache_status else "l2"
    return "bypass" if "bypass" in cache_status else "miss" if "miss" in cache_status else ""
