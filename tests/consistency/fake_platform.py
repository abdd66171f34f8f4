"""A platform in one process's memory, of which every answer is as it should be; or not, as it is told."""

import asyncio
import base64
import copy
import itertools
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.consistency.connection import Answer, NoAnswer

Body = dict[str, Any]
Reply = tuple[int, Body | None]
SLOW_SECONDS = 0.002


@dataclass
class FakePlatform:
    """Answers after a moment; of a share of the requests, `lost`, the answer does not come, done or not.

    With `forgets` a deletion is answered, and not done.
    """

    rng: random.Random
    lost: float = 0.0
    forgets: bool = False
    accounts: dict[str, Body] = field(default_factory=dict)
    sessions: dict[str, Body] = field(default_factory=dict)
    things: dict[str, dict[str, Body]] = field(
        default_factory=lambda: {"strategies": {}, "backtests": {}, "sweeps": {}, "datasets": {}}
    )
    specs: dict[str, list[Body]] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, seconds: float
    ) -> Answer:
        """As a Connection does."""
        is_lost, is_done = self.rng.random() < self.lost, self.rng.random() < 0.5
        await asyncio.sleep(self.rng.random() * SLOW_SECONDS)
        if is_lost and not is_done:
            raise NoAnswer
        given = _form_in(body) if "Content-Type" in headers else json.loads(body or b"{}")
        status, value = copy.deepcopy(self._answer(method, path, headers, given))
        await asyncio.sleep(self.rng.random() * SLOW_SECONDS)
        if is_lost:
            raise NoAnswer
        said = {"consistency-token": "token", "etag": f'"{path}"', "cache-status": "aurelius-l2; hit"}
        return Answer(status, said, json.dumps(value).encode())

    def close(self) -> None:
        """As a Connection does."""

    def register(self, name: str, role: str) -> str:
        """Open an account; returns its id."""
        made = self._new()
        self.accounts[made] = {"id": made, "name": name, "role": role, "is_active": True, "revision": 1}
        return made

    def token(self, user_id: str, session: str = "") -> str:
        """An access token."""
        text = json.dumps({"sub": user_id, "sid": session}).encode()
        return f".{base64.urlsafe_b64encode(text).decode().rstrip('=')}."

    def work(self) -> None:
        """Have every run go on by one step."""
        following = {"queued": "running", "running": "succeeded"}
        for run in (*self.things["backtests"].values(), *self.things["sweeps"].values()):
            if run["status"] in following:
                _change(run, status=following[run["status"]])

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: Body) -> Reply:
        path = path.removeprefix("/api/v1").partition("?")[0]
        for pattern, handler in self._ROUTES.items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                claims = _claims(headers["Authorization"])
                return handler(self, {**claims, **found.groupdict(), "if-match": headers.get("If-Match", "")}, body)
        raise AssertionError(f"{method} {path}")

    def _log_in(self, asked: Body, body: Body) -> Reply:
        name = body["email"].partition("@")[0]
        account = next(each for each in self.accounts.values() if each["name"].partition(".")[0] == name)
        if not account["is_active"]:
            return 403, None
        session = self._new()
        self.sessions[session] = {"of": account["id"]}
        return self._granted(session)

    def _granted(self, session: str) -> Reply:
        refresh = f"{session} {self._new()}"
        self.sessions[session]["refresh"] = refresh
        return 200, {"access_token": self.token(self.sessions[session]["of"], session), "refresh_token": refresh}

    def _refresh(self, asked: Body, body: Body) -> Reply:
        session = body["refresh_token"].partition(" ")[0]
        is_good = self.sessions.get(session, {}).get("refresh") == body["refresh_token"]
        return self._granted(session) if is_good else (401, None)

    def _log_out(self, asked: Body, body: Body) -> Reply:
        self.sessions.pop(asked["sid"], None)
        return 204, None

    def _change_password(self, asked: Body, body: Body) -> Reply:
        return (204 if asked["sid"] in self.sessions else 401), None

    def _own_account(self, asked: Body, body: Body) -> Reply:
        account = self.accounts[asked["sub"]]
        if not account["is_active"]:
            return 401, None
        return 200, _change(account, **body) if body else account

    def _administer(self, asked: Body, body: Body) -> Reply:
        caller, account = self.accounts[asked["sub"]], self.accounts.get(asked.get("id", ""))
        if caller["role"] != "admin" or not caller["is_active"]:
            return 403, None
        if account is None:
            return 200, {"items": list(self.accounts.values()), "next_cursor": None}
        if asked["if-match"] != f'"{account["revision"]}-0"':
            return 412, None
        if body.get("is_active") is False:
            self.sessions = {key: each for key, each in self.sessions.items() if each["of"] != account["id"]}
        return 200, _change(account, **body)

    def _list(self, asked: Body, body: Body) -> Reply:
        owned = [each for each in self.things[asked["kind"]].values() if each["owner"] == asked["sub"]]
        return 200, {"items": owned, "next_cursor": None}

    def _make(self, asked: Body, body: Body) -> Reply:
        made: Body = {"id": self._new(), "owner": asked["sub"], "revision": 1}
        if asked["kind"] == "strategies":
            made |= {"name": body["name"], "spec": body["spec"], "version": 1}
            self.specs[made["id"]] = [body["spec"]]
        elif asked["kind"] == "datasets":
            made |= {"name": body["name"]}
        else:
            made |= {"status": "queued", "run_identity": {"execution": body["execution"]}}
        self.things[asked["kind"]][made["id"]] = made
        return (202 if asked["kind"] in {"backtests", "sweeps"} else 201), made

    def _one(self, asked: Body, body: Body) -> Reply:
        found = self.things[asked["kind"]].get(asked["id"])
        if found is None or found["owner"] != asked["sub"]:
            return 404, None
        if asked["verb"] == "DELETE":
            if not self.forgets:
                del self.things[asked["kind"]][found["id"]]
            return 204, None
        if asked["verb"] == "PATCH":
            if "spec" in body:
                self.specs[found["id"]].append(body["spec"])
                body = {**body, "version": found["version"] + 1}
            _change(found, **body)
        return self._part(found, asked["part"]) if asked["part"] else (200, found)

    def _part(self, found: Body, part: str) -> Reply:
        versions = [
            {"strategy_id": found["id"], "version": number, "spec": spec}
            for number, spec in enumerate(self.specs.get(found["id"], ()), 1)
        ]
        if part == "versions":
            return 200, {"items": versions[::-1]}
        if part == "versions/1":
            return 200, versions[0]
        if part == "cancel" and found["status"] in {"queued", "running"}:
            return 200, _change(found, status="cancelled")
        if part == "bars":
            return 200, {"items": [{"volume": float(found["name"].partition(".")[2])}]}
        if part in {"equity", "trades", "results"} and found["status"] == "succeeded":
            cash = found["run_identity"]["execution"]["initial_cash"]
            return 200, {"items": [{"equity": cash, "quantity": cash / 7.0, "entry_price": 7.0}]}
        return 409, None

    def _new(self) -> str:
        return str(next(self._ids))

    _ROUTES: "Mapping[str, Callable[[FakePlatform, Body, Body], Reply]]" = field(
        init=False,
        default_factory=lambda: {
            "POST /auth/login": FakePlatform._log_in,
            "POST /auth/refresh": FakePlatform._refresh,
            "POST /auth/logout": FakePlatform._log_out,
            "POST /auth/change-password": FakePlatform._change_password,
            "(GET|PATCH) /users/me": FakePlatform._own_account,
            "(GET|PATCH) /users(/(?P<id>[0-9]+))?": FakePlatform._administer,
            "GET /(?P<kind>[a-z]+)": FakePlatform._list,
            "POST /(?P<kind>[a-z]+)": FakePlatform._make,
            "(?P<verb>[A-Z]+) /(?P<kind>[a-z]+)/(?P<id>[0-9]+)(/(?P<part>.+))?": FakePlatform._one,
        },
    )


def _form_in(body: bytes) -> Body:
    """The name in an upload's form."""
    found = re.search(rb'name="name"\r\n\r\n(.*)\r\n', body)
    assert found is not None
    return {"name": found[1].decode()}


def _change(thing: Body, **fields: Any) -> Body:
    thing |= {**fields, "revision": thing["revision"] + 1}
    return thing


def _claims(authorization: str) -> Body:
    text = authorization.split(".")[1]
    claims: Body = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return claims
