"""The HTTP API as any client sees it. Standard library only: this program is started beside a platform that is busy."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

_PREFIX = "/api/v1"
_TIMEOUT = 90.0  # seconds; an upload may take 60
_REASON_LENGTH = 300


class Resource(TypedDict, total=False):
    """What is read of a dataset, a strategy or a backtest."""

    id: str
    name: str
    symbol: str
    status: str
    error: str | None
    strategy_id: str | None
    dataset_id: str


class Refused(Exception):
    """The API does not take this request, now or later; the text is its reason. `status` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class NoAnswer(Exception):
    """The platform did not answer, or is not able to at the moment. Try again later."""


class Api:
    """One client on one connection. `address` is such as http://127.0.0.1:8000."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        self._headers: dict[str, str] = {}

    def register(self, email: str, password: str, name: str) -> None:
        """Open an account. Raises Refused (409: there is one), NoAnswer."""
        self.post("/auth/register", {"email": email, "password": password, "name": name})

    def log_in(self, email: str, password: str) -> str:
        """Act as this account from now on; returns its id. Raises Refused (401: not this password), NoAnswer."""
        body = json.dumps({"email": email, "password": password}).encode()
        token: str = json.loads(self._send("POST", "/auth/login", body, _JSON))["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}
        return _subject(token)

    @property
    def authorization(self) -> str:
        """The header of the account that this acts as; nothing before it has logged in."""
        return self._headers.get("Authorization", "")

    def close(self) -> None:
        """Close the connection; the next request opens another. A server closes one that was idle for long."""
        self._connection.close()

    def log_out(self) -> None:
        """End the session; its access token is good until it expires. Raises Refused, NoAnswer."""
        self._send("POST", "/auth/logout", None, {})

    def change_password(self, password: str, new: str) -> None:
        """Have another password, and end every other session of the account. Raises Refused, NoAnswer."""
        body = json.dumps({"current_password": password, "new_password": new}).encode()
        self._send("POST", "/auth/change-password", body, _JSON)

    def delete(self, path: str) -> None:
        """Delete something, or find that it is not there. Raises Refused, NoAnswer."""
        try:
            self._send("DELETE", path, None, {})
        except Refused as error:
            if error.status != 404:
                raise

    def post(self, path: str, value: Mapping[str, object], *, wait: int = 0) -> Resource:
        """Create something; `wait` seconds at most for work it starts. Raises Refused, NoAnswer."""
        headers = {**_JSON, "Prefer": f"wait={wait}"} if wait else _JSON
        created: Resource = json.loads(self._send("POST", path, json.dumps(value).encode(), headers))
        return created

    def upload(self, path: str, file: Path, fields: Mapping[str, str]) -> Resource:
        """Create something from a file and form fields. Raises Refused, NoAnswer."""
        boundary = os.urandom(16).hex()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        created: Resource = json.loads(self._send("POST", path, _multipart(boundary, file, fields), headers))
        return created

    def read(self, path: str) -> Resource:
        """Read something as it is now, past every cache. Raises Refused, NoAnswer."""
        found: Resource = json.loads(self._send("GET", path, None, _FRESH))
        return found

    def read_all(self, path: str) -> Iterator[Resource]:
        """Every item of a list, page after page, past every cache. Raises Refused, NoAnswer."""
        cursor = ""
        while True:
            page = json.loads(self._send("GET", f"{path}?limit=200{cursor}", None, _FRESH))
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        try:
            self._connection.request(method, f"{_PREFIX}{path}", body, {**self._headers, **headers})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise NoAnswer(f"{method} {path}: no answer ({error or type(error).__name__})") from error
        if answer.status >= 400:
            reason = f"{method} {path} was answered {answer.status}: {_reason(content)}"
            again = answer.status >= 500 or answer.status == 429
            raise NoAnswer(reason) if again else Refused(answer.status, reason)
        return content


_JSON = {"Content-Type": "application/json"}
_FRESH = {"Cache-Control": "no-cache"}


def _multipart(boundary: str, file: Path, fields: Mapping[str, str]) -> bytes:
    """A body of RFC 7578. Names and values are our own: nothing in them has to be escaped."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
    content = [head.encode(), b"Content-Type: text/csv\r\n\r\n", file.read_bytes(), b"\r\n"]
    return b"".join([*parts, *content, f"--{boundary}--\r\n".encode()])


def _subject(token: str) -> str:
    """Whom an access token names: the claim `sub` of RFC 7519. Only the services can check it, and need to."""
    payload = token.split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["sub"]


def _reason(content: bytes) -> str:
    """What a problem document (RFC 9457) says, or the body as it is."""
    text = content.decode(errors="replace")[:_REASON_LENGTH]
    try:
        problem = json.loads(content)
        errors = [f"{each['pointer']} {each['message']}" for each in problem.get("errors", [])]
        return "; ".join([problem["detail"], *errors])[:_REASON_LENGTH]
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
