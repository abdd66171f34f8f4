"""One owner of strategies, whom all of its clients work for: its account, its keys, and what they tell each other."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.consistency.connection import Answer, Connection
from tests.faults.load import SPEC

PASSWORD = "correct horse battery staple"
PREPARE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """A Consistency-Token, and the revision of each key that the writes before it had been acknowledged with."""

    text: str
    due: Mapping[str, int]


@dataclass
class Owner:
    """`tokens` are the last ones, by the lane that was given them; any lane may read with any of them."""

    name: str
    authorization: Mapping[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    _logging_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self, connection: Connection, strategies: int) -> list[str]:
        """Open the account and store some strategies; returns the names they were given."""
        account = {"email": f"{self.name}@example.com", "password": PASSWORD, "name": self.name}
        await _asked(connection, "POST", "/api/v1/auth/register", {}, account)
        await self.log_in(connection)
        marks = [f"{self.name}.0.{number}" for number in range(strategies)]
        for mark in marks:
            body = {"name": mark, "description": "x" * 1200, "spec": SPEC}
            answer = await _asked(connection, "POST", "/api/v1/strategies", self.authorization, body)
            self.keys.append(str(answer.json()["id"]))
        return marks

    async def log_in(self, connection: Connection) -> None:
        """Get an access token, which lives a quarter of an hour; one lane does it for all."""
        before = self.authorization
        async with self._logging_in:
            if self.authorization is before:
                account = {"email": f"{self.name}@example.com", "password": PASSWORD}
                answer = await _asked(connection, "POST", "/api/v1/auth/login", {}, account)
                self.authorization = {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def _asked(
    connection: Connection, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, object]
) -> Answer:
    answer = await connection.ask(method, path, headers, json.dumps(body).encode(), seconds=PREPARE_SECONDS)
    assert answer.status < 300, answer.body
    return answer
