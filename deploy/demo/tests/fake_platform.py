"""A platform in memory that speaks the HTTP API as far as the demo does, and can be cut off at any request."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

PAGE = 2
"""Items on a page, so that every list has several."""

Cut = Literal["before", "after"]


class Problem(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, detail: str, errors: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.document = {"title": "No", "detail": detail, "errors": list(errors)}


@dataclass
class FakePlatform:
    """What is stored, by kind. `cut` is the number of the request at which it is lost, before or after it was done."""

    users: dict[str, tuple[str, str]] = field(default_factory=dict)
    items: dict[str, list[dict[str, object]]] = field(
        default_factory=lambda: {"datasets": [], "strategies": [], "backtests": []}
    )
    refused: dict[str, Problem] = field(default_factory=dict)
    run_end: dict[str, object] = field(default_factory=lambda: {"status": "succeeded", "error": None})
    queued_for: int = 0
    cut: int = 0
    cut_when: Cut = "before"
    requests: list[str] = field(default_factory=list)

    def names(self, kind: str) -> list[str]:
        """Of everything of this kind, sorted."""
        return sorted(str(item["name"]) for item in self.items[kind])

    def answer(self, method: str, path: str, body: bytes, authorization: str) -> tuple[int, object]:
        """Do what is asked; status and document."""
        path = path.removeprefix("/api/v1")
        self.requests.append(f"{method} {path}")
        lost = len(self.requests) == self.cut
        if lost and self.cut_when == "before":
            return 503, {"detail": "The bus does not answer"}
        try:
            status, document = self._done(method, path, body, authorization)
        except Problem as problem:
            status, document = problem.status, problem.document
        return (504, {"detail": "No answer in time"}) if lost else (status, document)

    def _done(self, method: str, path: str, body: bytes, authorization: str) -> tuple[int, object]:
        if problem := self.refused.get(f"{method} {path}"):
            raise problem
        if path == "/auth/register":
            return 201, self._registered(json.loads(body))
        if path == "/auth/login":
            return 200, {"access_token": self._token(json.loads(body))}
        if authorization.removeprefix("Bearer ") not in {_token_of(user_id) for user_id, _ in self.users.values()}:
            raise Problem(401, "This needs a logged-in user")
        _, kind, *rest = path.partition("?")[0].split("/")
        if rest:
            return 200, self._looked_at(kind, rest[0])
        return (200, self._page(kind, path)) if method == "GET" else (201, self._created(kind, body))

    def _registered(self, asked: dict[str, str]) -> dict[str, str]:
        if asked["email"] in self.users:
            raise Problem(409, "There is an account with this email")
        user_id = f"user-{len(self.users)}"
        self.users[asked["email"]] = (user_id, asked["password"])
        return {"id": user_id}

    def _token(self, asked: dict[str, str]) -> str:
        user_id, password = self.users.get(asked["email"], ("", ""))
        if not user_id or password != asked["password"]:
            raise Problem(401, "Email or password is wrong")
        return _token_of(user_id)

    def _created(self, kind: str, body: bytes) -> dict[str, object]:
        item: dict[str, object] = _form(body) if kind == "datasets" else json.loads(body)
        item["id"] = f"{kind}-{len(self.items[kind])}"
        if kind == "backtests":
            item |= {"status": "queued", "left": self.queued_for, "error": None}
            self._advance(item)
        self.items[kind].append(item)
        return item

    def _looked_at(self, kind: str, item_id: str) -> dict[str, object]:
        (item,) = (item for item in self.items[kind] if item["id"] == item_id)
        self._advance(item)
        return item

    def _advance(self, run: dict[str, object]) -> None:
        if not run["left"]:
            run |= self.run_end
        else:
            run["left"] = int(str(run["left"])) - 1

    def _page(self, kind: str, path: str) -> dict[str, object]:
        found = re.search(r"cursor=(\d+)", path)
        begin = int(found[1]) if found else 0
        newest_first = self.items[kind][::-1]
        more = begin + PAGE < len(newest_first)
        return {"items": newest_first[begin : begin + PAGE], "next_cursor": str(begin + PAGE) if more else None}


def _token_of(user_id: str) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": user_id}).encode()).decode().rstrip("=")
    return f"head.{claims}.signature"


def _form(body: bytes) -> dict[str, object]:
    """The fields of a multipart form, and of the file its size."""
    text = body.decode()
    fields: dict[str, object] = dict(re.findall(r'name="(\w+)"\r\n\r\n([^\r]*)\r\n', text))
    file = re.search(r'name="file"; filename="[^"]+"\r\nContent-Type: text/csv\r\n\r\n(.*?)\r\n--', text, re.DOTALL)
    assert file
    return {**fields, "rows": file[1].count("\n") - 1}


@contextmanager
def serving(platform: FakePlatform) -> Iterator[str]:
    """The address at which the platform is, as long as this lasts."""

    class Handler(BaseHTTPRequestHandler):
        """Hands requests over."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """Read."""
            self._answer()

        def do_POST(self) -> None:
            """Write."""
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, document = platform.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
