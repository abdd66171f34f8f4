"""`Idempotency-Key` at the edge: which routes take it, what goes on to the service, what a replay looks like."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from services.gateway.tests.test_routes import ALICE, DATASET, STORED, STRATEGY
from shared.cache.disabled import DisabledCacheStore
from shared.contracts.errors import KeyReused, NotFound, StillInProgress
from shared.contracts.ids import new_id
from shared.contracts.messages import IngestDataset
from shared.contracts.objects import strategy_object
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Reply

KEY = {"Idempotency-Key": '"k 1"'}
RUN = {"id": new_id(), "status": "queued", "revision": 1}
USER = {"id": ALICE, "email": "a@example.com", "name": "A", "role": "user", "is_active": True}
CSV = b"time,open\n1,2\n"

CREATING: dict[str, tuple[str, str, dict[str, Any], object]] = {
    "strategy": ("/strategies", "strategy.create", {"json": {"name": "n", "spec": {}}}, STORED),
    "backtest": ("/backtests", "backtest.create", {"json": {"dataset_id": "d", "spec": {}}}, RUN),
    "sweep": ("/sweeps", "sweep.create", {"json": {"dataset_id": "d", "spec": {}, "grid": {"a": [1]}}}, RUN),
    "verification": (f"/backtests/{RUN['id']}/verify", "backtest.verify", {}, RUN),
    "dataset": ("/datasets", "dataset.ingest", {"files": {"file": ("a.csv", CSV)}}, DATASET),
    "account": (
        "/auth/register",
        "user.register",
        {"json": {"email": "a@example.com", "password": "x" * 12, "name": "A"}},
        USER,
    ),
}
KEYLESS: dict[str, tuple[str, str, dict[str, Any], object]] = {
    "login": ("/auth/login", "session.open", {"json": {"email": "a@example.com", "password": "x"}}, {}),
    "refresh": ("/auth/refresh", "session.refresh", {"json": {"refresh_token": "x"}}, {}),
    "validation": ("/strategies/validate", "spec.validate", {"json": {"spec": {}}}, {}),
    "cancellation": (f"/backtests/{RUN['id']}/cancel", "backtest.cancel", {}, RUN),
}


class Replaying(FakeServices):
    """Answers everything as given before."""

    async def ask(self, *arguments: Any, **options: Any) -> Reply:
        """Answer as the service would to a repeat."""
        reply = await super().ask(*arguments, **options)
        return Reply(reply.body, reply.versions, 0.0, replayed=True)


def answering(method: str, value: object, kind: type[FakeServices] = FakeServices) -> FakeServices:
    services = kind()
    services.handlers[method] = lambda _, __: (value, {strategy_object(STRATEGY): 2})
    return services


async def post(tmp_path: Path, services: FakeServices, path: str, **options: Any) -> httpx.Response:
    """One request of Alice's, with a key unless `headers` says otherwise."""
    headers = token_of(ALICE) | options.pop("headers", KEY)
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        return await client.post(f"/api/v1{path}", headers=headers, **options)


@pytest.mark.parametrize("what", CREATING)
async def test_the_key_goes_to_the_service_that_writes(tmp_path: Path, what: str) -> None:
    """From every POST that creates; without one none goes, and an unreadable one stops the request before it."""
    path, method, body, value = CREATING[what]
    services = answering(method, value)
    assert (await post(tmp_path, services, path, **body)).is_success
    assert (await post(tmp_path, services, path, **body, headers={})).is_success
    assert services.keys == ["k 1", ""]
    refused = await post(tmp_path, services, path, **body, headers={"Idempotency-Key": "a b"})
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/malformed")
    assert refused.json()["errors"][0]["pointer"] == "/header/Idempotency-Key"
    assert len(services.keys) == 2


@pytest.mark.parametrize("what", KEYLESS)
async def test_a_key_means_nothing_to_other_routes(tmp_path: Path, what: str) -> None:
    """They answer a secret, nothing new, or the same however often: the header is not looked at."""
    path, method, body, value = KEYLESS[what]
    services = answering(method, value)
    answer = await post(tmp_path, services, path, **body, headers={"Idempotency-Key": "a b"})
    assert answer.is_success
    assert services.keys == [""]


@pytest.mark.parametrize("what", CREATING)
async def test_a_replay_is_the_first_answer_and_says_so(tmp_path: Path, what: str) -> None:
    """Status, body and every header that says what was made are the same."""
    path, method, body, value = CREATING[what]
    first = await post(tmp_path, answering(method, value), path, **body)
    again = await post(tmp_path, answering(method, value, Replaying), path, **body)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("location", "etag", "consistency-token", "cache-control", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)


@pytest.mark.parametrize(
    ("failure", "status", "kind"),
    [
        (StillInProgress("wait", retry_after=1.0), 409, "request-in-progress"),
        (KeyReused("another"), 422, "idempotency-key-reused"),
    ],
)
async def test_what_a_key_is_refused_with(tmp_path: Path, failure: Exception, status: int, kind: str) -> None:
    """A problem of its own type each, and when to try again where that helps."""
    path, method, body, _ = CREATING["strategy"]
    services = FakeServices()

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise failure

    services.handlers[method] = refuse
    answer = await post(tmp_path, services, path, **body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert answer.headers.get("retry-after") == ("1" if status == 409 else None)


async def test_a_replay_waits_as_the_first_did_and_stands_when_the_run_is_gone(tmp_path: Path) -> None:
    """With `Prefer: wait` the finished run, still marked; after its deletion what was accepted, not 404."""
    path, method, body, value = CREATING["backtest"]
    services = answering(method, value, Replaying)
    services.handlers["backtest.read"] = lambda _, __: ({**RUN, "status": "succeeded"}, {})
    headers = KEY | {"Prefer": "wait=1"}
    finished = await post(tmp_path, services, path, **body, headers=headers)
    assert (finished.status_code, finished.json()["status"]) == (200, "succeeded")
    assert finished.headers["idempotency-replayed"] == "true"

    def gone(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise NotFound("There is no such backtest")

    services.handlers["backtest.read"] = gone
    deleted = await post(tmp_path, services, path, **body, headers=headers)
    assert (deleted.status_code, deleted.json()) == (202, RUN)
    first = answering(method, value)
    first.handlers["backtest.read"] = gone
    assert (await post(tmp_path, first, path, **body, headers=headers)).status_code == 404


@pytest.mark.parametrize("kind", [FakeServices, Replaying])
async def test_an_upload_with_a_key_says_its_content_and_is_not_left_behind(
    tmp_path: Path, kind: type[FakeServices]
) -> None:
    """The service that answers a repeat does not read it."""
    path, method, body, value = CREATING["dataset"]
    services = answering(method, value, kind)
    assert (await post(tmp_path, services, path, **body)).status_code == 201
    assert (await post(tmp_path, services, path, **body, headers={})).status_code == 201
    keyed, keyless = services.asked
    assert isinstance(keyed, IngestDataset)
    assert isinstance(keyless, IngestDataset)
    assert (keyed.content_sha256, keyless.content_sha256) == (hashlib.sha256(CSV).hexdigest(), "")
    assert [each for each in (tmp_path / "objects").rglob("*") if each.is_file()] == []


async def test_the_document_says_where_a_key_is_taken(tmp_path: Path) -> None:
    """The header, its refusals and the mark of a replay stand at the routes that create, and nowhere else."""
    async with client_of(FakeServices(), DisabledCacheStore(), tmp_path) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    taking = {
        path
        for path, methods in paths.items()
        for operation in methods.values()
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
    }
    named = {"/auth/register", "/strategies", "/backtests", "/sweeps", "/datasets", "/backtests/{backtest_id}/verify"}
    assert taking == {f"/api/v1{path}" for path in named}
    for path in taking:
        operation = paths[path]["post"]
        (parameter,) = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
        assert (parameter["in"], parameter["required"], parameter["schema"]["maxLength"]) == ("header", False, 255)
        assert "request-in-progress" in operation["responses"]["409"]["description"]
        assert "idempotency-key-reused" in operation["responses"]["422"]["description"]
        assert "Retry-After" in operation["responses"]["409"]["headers"]
        successes = [each for status, each in operation["responses"].items() if status < "300"]
        assert all("Idempotency-Replayed" in each["headers"] for each in successes)
