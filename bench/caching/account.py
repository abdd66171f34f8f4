"""An account of the platform, logged in whenever something is measured: its tokens live for a quarter of an hour."""

import uuid
from typing import Any

import httpx
import msgspec

from cli.load.wire import WrongAnswer
from tests.e2e.platform import PASSWORD


class Account:
    """One user. Every answer has the status that is expected, or WrongAnswer is raised."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.user_id = ""
        self.token = ""

    @classmethod
    async def register(cls, client: httpx.AsyncClient) -> "Account":
        """Return a new account, logged in."""
        account = cls(client)
        body = {"email": account.email, "password": PASSWORD, "name": "Bench"}
        account.user_id = (await account.call("POST", "/auth/register", 201, json=body))["id"]
        await account.log_in()
        return account

    async def log_in(self) -> None:
        """Get a new token."""
        self.token = (await self.call("POST", "/auth/login", 200, json=self.credentials))["access_token"]

    @property
    def credentials(self) -> dict[str, str]:
        """The body of a login."""
        return {"email": self.email, "password": PASSWORD}

    @property
    def headers(self) -> dict[str, str]:
        """What authenticates a request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def call(self, method: str, path: str, expected: int, **options: Any) -> Any:  # noqa: ANN401  # a JSON value
        """Send a request and return the answer's JSON."""
        headers = {**self.headers, **options.pop("headers", {})}
        answer = await self._client.request(method, f"/api/v1{path}", headers=headers, **options)
        if answer.status_code != expected:
            raise WrongAnswer(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return msgspec.json.decode(answer.content)
