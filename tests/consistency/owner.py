"""One owner, whom all of its clients work for: its account, what it has, and what its clients tell each other."""

import asyncio
import json
import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.consistency.connection import Answer, Connection
from tests.consistency.shown import bars_mark
from tests.faults.load import bars

PASSWORD = "correct horse battery staple"
PREPARE_SECONDS = 30.0
BARS = 60
BOUNDARY = "bars-of-the-load"
UPLOADED = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
REMEMBERED = 6


@dataclass(frozen=True, slots=True)
class Token:
    """A Consistency-Token of one who writes a kind, and the revisions that the writes before it had brought keys to."""

    kind: str
    text: str
    due: Mapping[str, int]


@dataclass
class Owner:
    """`live` are the ids that it has of each kind, as far as anybody knows; `gone` those deleted last.

    `tokens` are the last ones, by the lane that was given them; any lane may read with any of them. `session` is the
    key of one that its client for sessions has open.
    """

    name: str
    id: str = ""
    authorization: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""
    """The one that its runs are of, which is never deleted."""
    kept: frozenset[str] = frozenset()
    """Strategies that are never deleted."""
    live: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gone: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=REMEMBERED)))
    tokens: dict[str, Token] = field(default_factory=dict)
    session: str = ""
    closing: bool = False
    """Whether somebody is about to close the account, or may be: nobody knows what then becomes of a session."""
    closed_until: float = 0.0
    """When that was over the last time."""
    _ended: set[str] = field(default_factory=set)
    _logging_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def credentials(self) -> dict[str, str]:
        """What it logs in with."""
        return {"email": f"{self.name}@example.com", "password": PASSWORD}

    async def register(self, connection: Connection) -> None:
        """Open the account."""
        account = {**self.credentials, "name": self.name}
        answer = await asked(connection, "POST", "/auth/register", {}, account)
        self.id = str(answer.json()["id"])

    async def log_in(self, connection: Connection) -> None:
        """Get an access token, which lives a quarter of an hour; one lane does it for all."""
        before = self.authorization
        async with self._logging_in:
            if self.authorization is before:
                answer = await asked(connection, "POST", "/auth/login", {}, self.credentials)
                self.authorization = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def upload(self, connection: Connection, number: int) -> None:
        """Store a few bars, for runs that take no time."""
        headers, body = {**self.authorization, **UPLOADED}, form_of(number, BARS)
        answer = await connection.ask("POST", "/api/v1/datasets", headers, body, seconds=PREPARE_SECONDS)
        assert answer.status == 201, answer.body
        self.dataset = str(answer.json()["id"])
        self.has("dataset", self.dataset)

    def has(self, kind: str, made: str) -> None:
        """Note that there is something: its client may not have been told, and another may have come upon it."""
        if made not in self._ended and made not in self.live[kind]:
            self.live[kind].append(made)

    def ends(self, kind: str, ended: str) -> None:
        """Note that something is to be deleted; no client begins anything with it but to read."""
        self._ended.add(ended)
        self.gone[kind].append(ended)
        if ended in self.live[kind]:
            self.live[kind].remove(ended)

    def gone_keys(self) -> list[str]:
        """The keys of what was deleted last."""
        keys = [f"{kind}:{ended}" for kind in self.gone for ended in self.gone[kind]]
        return [*keys, *(f"versions:{ended}" for ended in self.gone["strategy"])]


def form_of(number: int, length: int) -> bytes:
    """A form with bars that no other number has: each bar's volume is that, and so is the dataset's name."""
    head, *lines = bars(random.Random(1), length).decode().splitlines()
    file = "\n".join([head, *(f"{line.rpartition(',')[0]},{number}" for line in lines), ""])
    parts = {'name="name"': bars_mark(number), 'name="file"; filename="bars.csv"': file}
    form = "".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts.items()
    )
    return f"{form}--{BOUNDARY}--\r\n".encode()


async def asked(
    connection: Connection, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, object]
) -> Answer:
    """Ask for what has to be done. Raises AssertionError or NoAnswer."""
    content = json.dumps(body).encode()
    answer = await connection.ask(method, f"/api/v1{path}", headers, content, seconds=PREPARE_SECONDS)
    assert answer.status < 300, answer.body
    return answer
