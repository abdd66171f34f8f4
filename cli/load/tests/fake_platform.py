"""A platform in memory that speaks the HTTP API as far as the load suite does."""

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from cli.load.tests.http_server import Asked, Given, serving

COLLECTIONS = ("strategies", "datasets", "backtests")


@dataclass
class FakePlatform:
    """What is stored, by id. `refused` are answers by "METHOD /path", `stalled` seconds before."""

    users: dict[str, dict[str, str]] = field(default_factory=dict)
    items: dict[str, dict[str, object]] = field(default_factory=dict)
    refused: dict[str, Given] = field(default_factory=dict)
    stalled: dict[str, float] = field(default_factory=dict)
    logged_out: int = 0
    sessions: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=count)

    def answer(self, asked: Asked) -> Given:
        """Do what is asked."""
        path, _, _ = asked.path.removeprefix("/api/v1").partition("?")
        time.sleep(self.stalled.get(f"{asked.method} {path}", 0.0))
        if given := self.refused.get(f"{asked.method} {path}"):
            return given
        if path in {"/health", "/metrics"}:
            return _json(200, HEALTH if path == "/health" else METRICS)
        if path in {"/auth/register", "/auth/login"}:
            return self._enter(path, asked)
        owner = asked.headers["authorization"].partition(".")[2].partition(".")[0]
        owner_id = json.loads(base64.urlsafe_b64decode(owner + "=" * (-len(owner) % 4)))["sub"]
        if path.startswith("/auth/"):
            return self._leave(path, asked, owner_id)
        _, collection, *rest = path.split("/")
        assert collection in COLLECTIONS
        if not rest:
            return self._list(collection, owner_id) if asked.method == "GET" else self._make(collection, owner_id)
        return self._one(asked, rest, owner_id)

    def _leave(self, path: str, asked: Asked, owner_id: str) -> Given:
        if path == "/auth/logout":
            self.logged_out += 1
            self.sessions[owner_id] -= 1
            return Given(204)
        assert path == "/auth/change-password"
        (user,) = (user for user in self.users.values() if user["id"] == owner_id)
        body = json.loads(asked.body)
        assert body["current_password"] == user["password"]
        user["password"] = body["new_password"]
        self.sessions[owner_id] = 1
        return Given(204)

    def _enter(self, path: str, asked: Asked) -> Given:
        body = json.loads(asked.body)
        if path == "/auth/register":
            self.users[body["email"]] = {"id": f"user-{next(self.numbers)}", "password": body["password"]}
            return _json(201, {"id": self.users[body["email"]]["id"]})
        user = self.users[body["email"]]
        assert user["password"] == body["password"]
        self.sessions[user["id"]] += 1
        claims = base64.urlsafe_b64encode(json.dumps({"sub": user["id"]}).encode()).decode().rstrip("=")
        session = {"access_token": f"head.{claims}.signature", "refresh_token": "r"}
        return _json(200, session | {"token_type": "bearer", "expires_in": 900})

    def _make(self, collection: str, owner_id: str) -> Given:
        item_id = f"{collection}-{next(self.numbers)}"
        item = {"id": item_id, "owner_id": owner_id, "revision": 1, "description": "", "status": "succeeded"}
        self.items[item_id] = item
        return _json(201, item, Location=f"/api/v1/{collection}/{item_id}")

    def _list(self, collection: str, owner_id: str) -> Given:
        found = [
            item
            for item in self.items.values()
            if str(item["id"]).startswith(collection) and item["owner_id"] == owner_id
        ]
        return _json(200, {"items": found, "next_cursor": None})

    def _one(self, asked: Asked, rest: list[str], owner_id: str) -> Given:
        item = self.items.get(rest[0])
        if item is None or item["owner_id"] != owner_id:
            return _json(404, {"title": "There is nothing here"})
        if rest[1:] == ["prefix-test"]:
            return _json(200, {"status": "held"})
        if asked.method == "DELETE":
            del self.items[rest[0]]
            return Given(204)
        if asked.method == "PATCH":
            item |= json.loads(asked.body)
            item["revision"] = int(str(item["revision"])) + 1
        return _json(200, item)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yield where it is."""
        with serving(self.answer) as url:
            yield url


def _json(status: int, value: object, **headers: str) -> Given:
    return Given(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


HEALTH = {"status": "ok", "version": "1.2.3", "uptime_seconds": 1.0, "checks": {}}
_TIMES = {"avg_ms": 1.0, "p50_ms": 1.0, "p95_ms": 1.0, "p99_ms": 1.0}
METRICS = {
    "uptime_seconds": 1.0,
    "request_count": 1,
    "requests_per_second": 1.0,
    "response_times": _TIMES,
    "system": {"cpu_percent": 1.0, "memory_mb": 1.0, "memory_percent": 1.0},
    "cache": {
        "enabled": True,
        "connected": True,
        "used_memory": "2.5MB",
        "total_keys": 1,
        "hits": 1,
        "misses": 1,
        "hit_rate": 50.0,
    },
}
