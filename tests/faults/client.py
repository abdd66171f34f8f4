"""One client: it repeats what failed under the same Idempotency-Key, and writes down all it does."""

import asyncio
import hashlib
import itertools
import json
from collections.abc import Mapping
from typing import Any

import httpx

from tests.faults.journal import Journal

PASSWORD = "correct horse battery staple"
REQUEST_SECONDS = 12.0
UPLOAD_SECONDS = 30.0
GIVE_UP_SECONDS = 40.0
"""After so long a write that was never answered is left: it may have happened once, or not."""
PAUSE_SECONDS = 0.3
LONGEST_PAUSE = 1.0
KEPT_BODY = 16_384
_AGAIN = frozenset({429, 502, 503, 504})


class Client:
    """A lane of one owner's: it does one thing after the other, and remembers its Consistency-Token."""

    def __init__(self, lane: str, http: httpx.AsyncClient, journal: Journal) -> None:
        self.lane = lane
        self.owner = ""
        self.token = ""
        self._http = http
        self._journal = journal
        self._headers: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._email = ""

    async def register(self) -> None:
        """Open an account and log in. Raises AssertionError when that cannot be done, and httpx's errors."""
        self._email = f"{self.lane}@example.com"
        account = {"email": self._email, "password": PASSWORD, "name": self.lane}
        answer = await self._http.post("/api/v1/auth/register", json=account)
        assert answer.status_code == 201, answer.text
        self.owner = str(answer.json()["id"])
        await self.log_in()

    async def log_in(self) -> None:
        """Get an access token."""
        answer = await self._http.post("/api/v1/auth/login", json={"email": self._email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def beside(self, lane: str, http: httpx.AsyncClient) -> "Client":
        """Another lane of the same owner's."""
        other = Client(lane, http, self._journal)
        other.owner, other._headers, other._email = self.owner, self._headers, self._email
        return other

    async def read(
        self, kind: str, path: str, *, subject: str = "", token: bool = True, tag: str = "", fresh: bool = False
    ) -> httpx.Response | None:
        """GET once, by default with the token; None when there was no answer."""
        headers = {"Consistency-Token": self.token} if token and self.token else {}
        headers |= {"If-None-Match": tag} if tag else {}
        headers |= {"Cache-Control": "no-cache"} if fresh else {}
        op = self._begin(kind, "GET", path, subject=subject, token="Consistency-Token" in headers, tag=tag)
        return await self._try(op, 1, "GET", path, headers)

    async def write(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        subject: str = "",
        mark: object = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        wait: int = 0,
        again: int = 0,
        tries: int = 0,
    ) -> httpx.Response | None:
        """Change something: tried until an answer settles it, or `tries` times; None when none ever did.

        `mark` is what only this write carries, by which its effect can be counted; `again` is how often it is repeated
        although it was answered, as a client does whose memory of the answer is lost.
        """
        given = {**(headers or {}), **({"Prefer": f"wait={wait}"} if wait else {})}
        if self.token:
            given["Consistency-Token"] = self.token
        match = given.get("If-Match", "")
        op = self._begin(kind, method, path, subject=subject, mark=mark, match=match, body=body)
        given["Idempotency-Key"] = f"{self.owner[-12:]}-{op}"
        answer = None
        give_up = asyncio.get_running_loop().time() + GIVE_UP_SECONDS
        for attempt in itertools.count(1):
            found = await self._try(op, attempt, method, path, given, body, files)
            if found is not None and not _open(found):
                answer = found
                if again == 0:
                    break
                again -= 1
            elif attempt == tries or asyncio.get_running_loop().time() > give_up:
                break
            else:
                await asyncio.sleep(_pause(found))
        if answer is not None and answer.is_success:
            self.token = answer.headers.get("Consistency-Token", self.token)
        return answer

    def _begin(self, kind: str, method: str, path: str, **fields: object) -> str:
        op = f"{self.lane}-{next(self._numbers):05d}"
        self._journal.write(
            "begin", op=op, lane=self.lane, owner=self.owner, kind=kind, method=method, path=path, **fields
        )
        return op

    async def _try(
        self,
        op: str,
        attempt: int,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> httpx.Response | None:
        self._journal.write("send", op=op, attempt=attempt)
        try:
            answer = await self._http.request(
                method,
                f"/api/v1{path}",
                headers={**self._headers, **headers},
                json=body if files is None else None,
                data=body if files is not None else None,
                files=files,
                timeout=UPLOAD_SECONDS if files else REQUEST_SECONDS,
            )
        except httpx.HTTPError as error:
            self._journal.write("failure", op=op, attempt=attempt, error=f"{type(error).__name__}: {error}"[:200])
            return None
        if answer.status_code == 401:
            await self._log_in_again()
        self._journal.write("answer", op=op, attempt=attempt, **_kept(answer))
        return answer

    async def _log_in_again(self) -> None:
        """An access token lives a quarter of an hour."""
        try:
            await self.log_in()
        except (httpx.HTTPError, AssertionError):
            return


def _open(answer: httpx.Response) -> bool:
    """Whether the write may or may not have happened, or not yet."""
    busy = answer.status_code == 409 and "Retry-After" in answer.headers
    return answer.status_code in _AGAIN or answer.status_code == 401 or busy


def _pause(answer: httpx.Response | None) -> float:
    try:
        asked = float(answer.headers["Retry-After"]) if answer is not None else PAUSE_SECONDS
    except (KeyError, ValueError):
        asked = PAUSE_SECONDS
    return min(max(asked, PAUSE_SECONDS), LONGEST_PAUSE)


def _kept(answer: httpx.Response) -> dict[str, object]:
    """What a line says of an answer."""
    named = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
    kept: dict[str, object] = {"status": answer.status_code, "headers": named}
    kept["digest"] = hashlib.sha256(answer.content).hexdigest()[:16]
    if not answer.headers.get("content-type", "").partition(";")[0].endswith("json"):
        return kept
    value = answer.json()
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        kept["items"] = [_brief(item) for item in value["items"]]
    elif isinstance(value, dict):
        kept["body"] = _brief(value) if answer.is_success else value
    return kept


_HEADERS = ("ETag", "Retry-After", "Idempotency-Replayed", "Cache-Status", "X-Request-ID")
_FIELDS = ("id", "name", "description", "revision", "version", "status", "result_digest", "error", "reused", "sha256")


def _brief(value: Mapping[str, Any]) -> dict[str, Any]:
    brief = {name: value[name] for name in _FIELDS if name in value}
    return brief if len(json.dumps(brief)) < KEPT_BODY else {"id": value.get("id")}
