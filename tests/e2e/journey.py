"""The journey that the README shows, step by step, as a client makes it."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.platform import PASSWORD

SMA_CROSS = {
    "params": {
        "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
        "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
    },
    "constraints": ["fast < slow"],
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "f > s and f[1] < s[1]",
    "exit_long": "f < s and f[1] > s[1]",
}
EXECUTION = {"initial_cash": 10000, "lot_size": 1, "side": "long"}


@dataclass
class User:
    """A logged-in client."""

    client: httpx.AsyncClient
    headers: dict[str, str]

    async def call(self, method: str, path: str, expected: int, **options: Any) -> httpx.Response:
        """Send a request and insist on its status."""
        headers = {**self.headers, **options.pop("headers", {})}
        answer = await self.client.request(method, f"/api/v1{path}", headers=headers, **options)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer


async def registered(client: httpx.AsyncClient) -> User:
    """Return a fresh account, logged in."""
    email = f"{uuid.uuid4().hex}@example.com"
    anybody = User(client, {})
    await anybody.call("POST", "/auth/register", 201, json={"email": email, "password": PASSWORD, "name": "A"})
    login = await anybody.call("POST", "/auth/login", 200, json={"email": email, "password": PASSWORD})
    return User(client, {"Authorization": f"Bearer {login.json()['access_token']}"})


async def uploaded(user: User, bars: Path) -> str:
    """Upload a CSV file and return the dataset's id."""
    answer = await user.call(
        "POST", "/datasets", 201, files={"file": (bars.name, bars.read_bytes(), "text/csv")}, data={"interval": "1d"}
    )
    return str(answer.json()["id"])


async def stored(user: User, name: str = "SMA cross") -> httpx.Response:
    """Store the SMA cross."""
    return await user.call("POST", "/strategies", 201, json={"name": name, "spec": SMA_CROSS})


async def backtested(user: User, strategy_id: str, dataset_id: str) -> httpx.Response:
    """Run the SMA cross and wait for its end."""
    body = {"strategy_id": strategy_id, "dataset_id": dataset_id, "execution": EXECUTION}
    return await user.call("POST", "/backtests", 200, json=body, headers={"Prefer": "wait=30"})


async def whole_journey(client: httpx.AsyncClient, bars: Path) -> dict[str, Any]:
    """Register, log in, upload, store, run; return the finished run."""
    user = await registered(client)
    dataset_id = await uploaded(user, bars)
    strategy = await stored(user)
    run = await backtested(user, strategy.json()["id"], dataset_id)
    resource: dict[str, Any] = run.json()
    assert resource["status"] == "succeeded", resource
    return resource
