"""The OpenAPI document says of headers what the gateway does."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from services.gateway.app import compose
from services.gateway.openapi_headers import complete
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET, FakeServices, Handler, client_of, token_of
from services.gateway.tests.test_cached_routes import CACHED
from services.gateway.tests.test_routes import DATASET, STORED
from shared.cache.fake import FakeCacheStore
from shared.contracts.errors import Conflict, NotFound, ServiceError, Unavailable
from shared.contracts.ids import new_id

OWNER, LETTER = new_id(), "rpc.strategy:1-0"
ADMIN = token_of(OWNER, role="admin")
# Those that clients act upon; what is of the transport, or the same on every answer, is in the prose.
TOLD = {
    "etag", "location", "link", "consistency-token", "cache-status", "cache-control", "retry-after", "www-authenticate",
    "preference-applied",
}  # fmt: skip
# Said of answers without any, too: nothing of it is to be kept.
UNTOLD = {("cache-control", "no-store")}

ACCOUNT = {"email": "a@example.com", "password": "correct horse battery", "name": "A"}
PASSWORDS = {"current_password": "old", "new_password": "correct horse battery"}
VERIFIED = {"status": "matched", "requested_at": "2026-01-01T00:00:00Z", "engine_version": 2}
RUN = {"id": new_id(), "status": "succeeded", "verification": VERIFIED}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/auth/register"): {"json": ACCOUNT},
    ("post", "/auth/login"): {"json": {"email": "a@example.com", "password": "p"}},
    ("post", "/auth/refresh"): {"json": {"refresh_token": "r"}},
    ("post", "/auth/change-password"): {"json": PASSWORDS},
    ("patch", "/users/me"): {"json": {"name": "B"}},
    ("patch", "/users/{user_id}"): {"json": {"role": "admin"}},
    ("post", "/strategies"): {"json": {"name": "n", "spec": {}}},
    ("post", "/strategies/validate"): {"json": {"spec": {}}},
    ("patch", "/strategies/{strategy_id}"): {"json": {"name": "n"}},
    ("post", "/datasets"): {"files": {"file": ("bars.csv", b"x")}},
    ("post", "/backtests"): {"json": {"dataset_id": "d", "spec": {}}},
    ("post", "/sweeps"): {"json": {"dataset_id": "d", "spec": {}, "grid": {}}},
}


VALUES: dict[str, object] = {
    "strategy.create": STORED,
    "dataset.ingest": DATASET,
    "dead_letter.replay": {"id": LETTER, "outcome": "ok"},
    "database.slow_queries": {"available": False, "advice": None, "counted_since": None, "items": []},
    "database.upkeep": {"command": "analyze", "tables": [], "finished": False},
}
ANYTHING = {**RUN, "items": [], "next_cursor": "abc"}


class Answering(dict[str, Handler]):
    """Services that answer whatever is asked."""

    def get(self, method: str, default: object = None) -> Handler:
        """Whoever is asked for."""
        value = VALUES.get(method.rpartition("/")[2], ANYTHING)
        return lambda _, __: (value, {f"user:{OWNER}": 7})


class Refusing(dict[str, Handler]):
    """Services that refuse whatever is asked."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__()
        self._error = error

    def get(self, method: str, default: object = None) -> Handler:
        """Whoever is asked for."""
        return self._refuse

    def _refuse(self, _: object, __: object) -> tuple[object, dict[str, int]]:
        raise self._error


class Operation(NamedTuple):
    """One of the document's."""

    method: str
    path: str
    said: dict[str, Any]


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    """All of them, with the path as it is under /api/v1."""
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield Operation(method, path.removeprefix("/api/v1"), said)


async def document_of(client: httpx.AsyncClient) -> dict[str, Any]:
    """The document as it is served."""
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    return document


def answering() -> FakeServices:
    """Services that have an answer to everything."""
    services = FakeServices()
    services.handlers = Answering()
    return services


async def ask(client: httpx.AsyncClient, operation: Operation, **headers: str) -> httpx.Response:
    """Send what the operation takes."""
    path = operation.path
    for parameter in operation.said.get("parameters", []):
        if parameter["in"] == "path":
            name = parameter["name"]
            known = {"version": "3", "letter": LETTER, "kind": "strategy"}
            path = path.replace(f"{{{name}}}", known.get(name, new_id()))
    body = BODIES.get((operation.method, operation.path), {})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.request(operation.method, f"/api/v1{path}", headers=ADMIN | named, **body)


def told_of(answer: httpx.Response) -> set[str]:
    """The headers of an answer that the document is to name."""
    return {name for name, value in answer.headers.items() if name in TOLD and (name, value) not in UNTOLD}


async def test_each_answer_has_the_headers_that_are_said(tmp_path: Path) -> None:
    """Those that are required, and none that is not named, of every operation under /api/v1."""
    async with client_of(answering(), FakeCacheStore(), tmp_path) as client:
        operations = list(operations_of(await document_of(client)))
        assert len(operations) > 40
        for operation, prefer in [(each, prefer) for each in operations for prefer in ("", "wait=1")]:
            answer = await ask(client, operation, prefer=prefer)
            where = f"{operation.method} {operation.path}: {answer.text}"
            assert answer.status_code < 300, where
            said = operation.said["responses"][str(answer.status_code)].get("headers", {})
            required = {name.lower() for name, header in said.items() if header["required"]}
            assert required <= set(answer.headers), where
            assert told_of(answer) <= {name.lower() for name in said}, where


async def test_each_read_can_be_asked_for_again(tmp_path: Path) -> None:
    """304 where it is said, with the headers that are said of it; a document says it of every read."""
    async with client_of(answering(), FakeCacheStore(), tmp_path) as client:
        reads = [operation for operation in operations_of(await document_of(client)) if operation.method == "get"]
        for operation in reads:
            tag = (await ask(client, operation)).headers["etag"]
            answer = await ask(client, operation, if_none_match=tag, if_match=tag)
            assert answer.status_code == 304, operation.path
            said = operation.said["responses"]["304"]
            assert told_of(answer) <= {name.lower() for name in said["headers"]}
            assert "content" not in said


async def test_each_read_can_be_asked_for_as_it_was(tmp_path: Path) -> None:
    """412 where it is another by now, which a document says of every read, and which comes before 304."""
    async with client_of(answering(), FakeCacheStore(), tmp_path) as client:
        reads = [operation for operation in operations_of(await document_of(client)) if operation.method == "get"]
        for operation in reads:
            tag = (await ask(client, operation)).headers["etag"]
            for wanted, expected in (
                (tag, 200),
                ("*", 200),
                (f'"other", {tag}', 200),
                ('"other"', 412),
                (f"W/{tag}", 412),
            ):
                answer = await ask(client, operation, if_match=wanted)
                assert answer.status_code == expected, f"{operation.path} {wanted}"
                assert told_of(answer) <= {
                    name.lower() for name in operation.said["responses"][str(expected)].get("headers", {})
                }
            both = await ask(client, operation, if_match='"other"', if_none_match=tag)
            assert (both.status_code, both.headers["content-type"]) == (412, "application/problem+json")
            assert "etag" not in both.headers


async def test_each_refusal_has_the_headers_that_are_said(tmp_path: Path) -> None:
    """Of what no service has, what none does and what none answers; a read says then too where it was looked for."""
    for error in (NotFound("no"), Conflict("no"), Unavailable("no")):
        services = FakeServices()
        services.handlers = Refusing(error)
        async with client_of(services, FakeCacheStore(), tmp_path) as client:
            for operation in operations_of(await document_of(client)):
                answer = await ask(client, operation)
                where = f"{operation.method} {operation.path}: {answer.text}"
                assert answer.status_code == error.status, where
                said = operation.said["responses"][str(error.status)].get("headers", {})
                assert told_of(answer) <= {name.lower() for name in said}, where
                assert ("cache-status" in answer.headers) == ("Cache-Status" in said), where


async def test_the_request_headers_stand_where_they_are_read(tmp_path: Path) -> None:
    """A token at all that is somebody's own, tags where there are some, `no-cache` where there is a cache."""
    async with client_of(answering(), FakeCacheStore(), tmp_path) as client:
        operations = list(operations_of(await document_of(client)))
        taking = {
            name: {
                (operation.method, operation.path)
                for operation in operations
                if any(each["name"] == name and each["in"] == "header" for each in operation.said.get("parameters", []))
            }
            for name in ("Consistency-Token", "If-None-Match", "Cache-Control", "If-Match", "Prefer")
        }
        for operation in operations:
            refused = await ask(client, operation, consistency_token="%%%")
            is_read = (operation.method, operation.path) in taking["Consistency-Token"]
            assert (refused.status_code == 400) == is_read, operation.path
    reads = {(operation.method, operation.path) for operation in operations if operation.method == "get"}
    assert taking["If-None-Match"] == reads
    assert {_plain(path) for _, path in taking["Cache-Control"]} == {_plain(row.path) for row in CACHED}
    changing = {
        (each.method, each.path)
        for each in operations
        if each.method in {"patch", "delete"} and not each.path.startswith("/admin/")
    }
    assert taking["If-Match"] == changing | reads
    assert all(
        ("412" in each.said["responses"]) == ((each.method, each.path) in changing | reads) for each in operations
    )
    assert taking["Prefer"] == {
        ("post", "/backtests"), ("post", "/sweeps"), ("post", "/backtests/{backtest_id}/verify"),
        ("post", "/admin/database/analyze"), ("post", "/admin/database/vacuum"),
    }  # fmt: skip


def _plain(path: str) -> str:
    parts = [part for part in path.split("/") if part]
    return "/".join("*" if part.startswith("{") else part for part in parts)


async def test_health_says_down_and_unauthenticated_says_how(tmp_path: Path) -> None:
    """503 of the system's health has the same body as 200; a 401 names the scheme wherever it is named."""
    edge = compose(GatewaySettings(secret_key=SECRET, data_dir=tmp_path)).http
    transport = httpx.ASGITransport(app=edge)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        document = await document_of(client)
        assert (await client.get("/api/v1/users/me")).headers["www-authenticate"]
    for path in ("/health", "/health/ready"):
        responses = document["paths"][path]["get"]["responses"]
        assert responses["503"]["content"] == responses["200"]["content"]
    assert "503" not in document["paths"]["/health/live"]["get"]["responses"]
    assert "Retry-After" in document["paths"]["/metrics"]["get"]["responses"]["503"]["headers"]
    for operation in operations_of(document):
        if refused := operation.said["responses"].get("401"):
            assert refused["headers"]["WWW-Authenticate"]["required"]
    once = copy.deepcopy(document)
    complete(document)
    assert document == once


@pytest.mark.parametrize("path", ["/api/v1/auth/logout", "/api/v1/strategies/{strategy_id}"])
async def test_an_answer_without_a_body_is_said_to_have_none(tmp_path: Path, path: str) -> None:
    """A client that is made from the document decodes nothing."""
    async with client_of(answering(), FakeCacheStore(), tmp_path) as client:
        methods = (await document_of(client))["paths"][path]
    (said,) = [operation["responses"]["204"] for operation in methods.values() if "204" in operation["responses"]]
    assert "content" not in said
