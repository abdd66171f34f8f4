"""The edges of the HTTP contract: who is let in, what is refused, what a write answers."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from services.gateway.tests.fakes import SECRET, FakeServices, client_of, edge_of, token_of
from shared.cache.disabled import DisabledCacheStore
from shared.cache.tokens import decode, encode
from shared.contracts.errors import DeadlineExceeded, QuotaExceeded, ServiceError, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import CreateStrategy, DeleteBacktest, IngestDataset, PatchStrategy
from shared.contracts.objects import backtest_object, backtests_object, strategy_object
from shared.contracts.values import Principal

ALICE = new_id()
STRATEGY = new_id()
STORED = {
    "id": STRATEGY, "name": "n", "description": "", "spec": {}, "spec_hash": "h", "version": 1, "revision": 2,
    "status": "draft", "owner_id": ALICE, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
DATASET = {
    "id": new_id(), "name": "n", "symbol": "S", "interval": "1d", "timezone": "UTC", "rows": 2,
    "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "sha256": "0",
    "quality": {"gaps": 0, "split_like_jumps": 0, "zero_volume_bars": 0}, "created_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


def stored(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
    return STORED, {strategy_object(STRATEGY): 2}


async def send(tmp_path: Path, services: FakeServices, method: str, path: str, **options: Any) -> httpx.Response:
    """Send one request to a fresh gateway."""
    async with client_of(services, DisabledCacheStore(), tmp_path, max_upload_bytes=100_000) as client:
        return await client.request(method, path, **options)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic abc"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer abc.def.ghi"},
        token_of(ALICE, secret="another secret, just as long as 32 bytes"),
        token_of(ALICE, kid="unknown"),
        token_of(ALICE, secret=SECRET, expires=1),
    ],
)
async def test_nobody_unknown_is_let_in(tmp_path: Path, headers: dict[str, str]) -> None:
    """Without a valid, current token of ours every own route is 401, before the body is even read."""
    services = FakeServices()
    answer = await send(tmp_path, services, "POST", "/api/v1/strategies", headers=headers, content=b"{nonsense")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert services.asked == []


async def test_a_token_without_a_signature_is_refused(tmp_path: Path) -> None:
    """The algorithm is ours to choose: `alg: none` opens nothing."""
    forged = "eyJhbGciOiJub25lIiwia2lkIjoiMSJ9.eyJzdWIiOiJ4Iiwic2lkIjoieCIsImlhdCI6MSwiZXhwIjo0MDAwMDAwMDAwfQ."
    answer = await send(
        tmp_path, FakeServices(), "GET", "/api/v1/strategies", headers={"Authorization": f"Bearer {forged}"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "pointer"),
    [
        ("POST", "/strategies", {"json": {"name": "n", "spec": {}, "extra": 1}}, 400, "/extra"),
        ("POST", "/strategies", {"json": {"spec": {}}}, 400, "/name"),
        ("POST", "/strategies", {"json": {"name": 3, "spec": {}}}, 400, "/name"),
        ("POST", "/backtests", {"json": {"dataset_id": "d", "execution": {"fee_bps": "x"}}}, 400, "/execution/fee_bps"),
        ("POST", "/backtests", {"json": {"dataset_id": "d", "execution": {"feebps": 1}}}, 400, "/execution/feebps"),
        ("GET", "/strategies?limit=0", {}, 400, "/query/limit"),
        ("GET", "/strategies?limit=x", {}, 400, "/query/limit"),
        ("GET", "/strategies?sort=spec", {}, 400, "/query/sort"),
        ("GET", "/strategies?colour=red", {}, 400, "/query/colour"),
        ("GET", f"/strategies/{STRATEGY}?strategy_id=x", {}, 400, "/query/strategy_id"),
        ("POST", "/strategies", {"content": b"name=n"}, 415, None),
        (
            "POST",
            "/strategies",
            {"json": {"name": "n", "spec": {}}, "headers": {"Content-Encoding": "gzip"}},
            415,
            None,
        ),
        ("POST", "/strategies", {"content": b"", "headers": {"Content-Type": "application/json"}}, 400, ""),
        ("POST", "/strategies", {"content": b"[" * 50_000, "headers": {"Content-Type": "application/json"}}, 400, None),
        ("POST", "/datasets", {"content": b"date,open\n", "headers": {"Content-Type": "text/csv"}}, 415, None),
        ("POST", "/datasets", {"files": {"name": (None, b"\xff"), "file": ("b.csv", b"x")}}, 400, None),
        (
            "POST",
            "/datasets",
            {"files": {"name": (None, b"n", "text/plain; charset=no"), "file": ("b.csv", b"x")}},
            400,
            None,
        ),
        ("POST", "/datasets", {"files": {"file": ("", b"date,open\n")}}, 400, "/file"),
        ("POST", "/strategies", {"json": {"name": "n", "spec": {"x": "y" * 2_000_000}}}, 413, None),
        ("PUT", "/strategies", {"json": {}}, 405, None),
        ("GET", "/nothing", {}, 404, None),
    ],
)
async def test_bad_input_is_named_at_the_edge(
    tmp_path: Path, method: str, path: str, options: dict[str, Any], status: int, pointer: str | None
) -> None:
    """Unknown fields, wrong types, sizes, media and methods are problem documents, and no service is asked."""
    services = FakeServices()
    headers = token_of(ALICE) | options.get("headers", {})
    answer = await send(tmp_path, services, method, f"/api/v1{path}", **{**options, "headers": headers})
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "class" not in answer.text
    if pointer is not None:
        assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert services.asked == []


async def test_allow_names_head_wherever_there_is_get(tmp_path: Path) -> None:
    """A refused method is told those that work, in one order."""
    answer = await send(tmp_path, FakeServices(), "PUT", "/api/v1/strategies", headers=token_of(ALICE), json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_the_token_of_a_waited_run_names_its_list(tmp_path: Path) -> None:
    """`Prefer: wait` answers with the finished run; its token still makes the list show that there is a new one."""
    services = FakeServices()
    run = {"id": new_id(), "status": "succeeded"}
    created, read = {backtest_object(run["id"]): 1, backtests_object(ALICE): 4}, {backtest_object(run["id"]): 3}
    services.handlers["backtest.create"] = lambda _, __: ({**run, "status": "queued"}, created)
    services.handlers["backtest.read"] = lambda _, __: (run, read)
    answer = await send(
        tmp_path, services, "POST", "/api/v1/backtests", headers=token_of(ALICE) | {"Prefer": "wait=1"},
        json={"dataset_id": new_id(), "spec": {}},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert decode(answer.headers["consistency-token"]) == created | read


async def test_a_write_answers_where_and_how_fresh(tmp_path: Path) -> None:
    """Creating answers 201 with Location, ETag and a token that names the new version, merged with the one sent."""
    services = FakeServices()
    services.handlers["strategy.create"] = stored
    body = {"name": "n", "spec": {}}
    first = await send(tmp_path, services, "POST", "/api/v1/strategies/", headers=token_of(ALICE), json=body)
    sent = token_of(ALICE) | {"Consistency-Token": encode({"strategies:other": 7, strategy_object(STRATEGY): 1})}
    again = await send(tmp_path, services, "POST", "/api/v1/strategies", headers=sent, json=body)
    assert first.status_code == 201
    assert first.headers["location"] == f"/api/v1/strategies/{STRATEGY}"
    assert first.headers["etag"].startswith('"2-')
    assert decode(first.headers["consistency-token"]) == {strategy_object(STRATEGY): 2}
    assert isinstance(services.asked[0], CreateStrategy)
    assert decode(again.headers["consistency-token"]) == {"strategies:other": 7, strategy_object(STRATEGY): 2}


async def test_patch_is_a_merge_patch_under_if_match(tmp_path: Path) -> None:
    """Absent fields stay, a null description is emptied, and If-Match travels as the revision it names."""
    services = FakeServices()
    services.handlers["strategy.patch"] = stored
    headers = token_of(ALICE) | {"If-Match": '"2-aa"', "Content-Type": "application/merge-patch+json"}
    answer = await send(
        tmp_path, services, "PATCH", f"/api/v1/strategies/{STRATEGY}", headers=headers,
        content=msgspec.json.encode({"description": None}),
    )  # fmt: skip
    assert answer.status_code == 200
    assert services.asked == [PatchStrategy(id=STRATEGY, description="", if_revision=(2,))]


async def test_an_upload_is_handed_over_by_key(tmp_path: Path) -> None:
    """The file waits in the object store while the service is asked; the bytes are those that were sent."""
    services = FakeServices()
    seen: list[bytes] = []

    def ingest(message: IngestDataset, _: Principal | None) -> tuple[object, dict[str, int]]:
        seen.append((tmp_path / "objects" / message.upload_key).read_bytes())
        return DATASET, {}

    services.handlers["dataset.ingest"] = ingest
    answer = await send(
        tmp_path, services, "POST", "/api/v1/datasets", headers=token_of(ALICE),
        files={"file": ("bars.csv", b"date,open\n")}, data={"symbol": "X"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    assert seen == [b"date,open\n"]
    message = services.asked[0]
    assert isinstance(message, IngestDataset)
    assert (message.filename, message.symbol) == ("bars.csv", "X")


@pytest.mark.parametrize(
    ("form", "files", "status"),
    [
        ({"colour": "red"}, {"file": ("bars.csv", b"x")}, 400),
        ({"interval": "weekly"}, {"file": ("bars.csv", b"x")}, 422),
        ({}, {"other": ("bars.csv", b"x")}, 400),
        ({}, {"file": ("bars.csv", b"x" * 200_000)}, 413),
    ],
)
async def test_a_bad_upload_is_refused_and_leaves_nothing(
    tmp_path: Path, form: dict[str, str], files: dict[str, Any], status: int
) -> None:
    """Unknown parts, wrong values and too much are refused without asking anybody or keeping a byte."""
    services = FakeServices()
    answer = await send(tmp_path, services, "POST", "/api/v1/datasets", headers=token_of(ALICE), data=form, files=files)
    assert answer.status_code == status, answer.text
    assert services.asked == []
    assert not list((tmp_path / "objects").glob("uploads/*"))
    if "interval" in form:
        assert "such as 1d or 15m" in answer.json()["detail"]


async def test_a_failed_ingest_leaves_no_upload(tmp_path: Path) -> None:
    """When the service cannot take the file, it does not stay in the object store either."""
    services = FakeServices()

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Unavailable("The backtest service is away", retry_after=2.0)

    services.handlers["dataset.ingest"] = refuse
    answer = await send(
        tmp_path, services, "POST", "/api/v1/datasets", headers=token_of(ALICE), files={"file": ("b.csv", b"x")}
    )
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert not list((tmp_path / "objects").glob("uploads/*"))


async def test_a_client_that_leaves_in_the_middle_is_no_failure_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that is cut off is the client's 400, counted as such, and no error in the log."""
    sent: list[Any] = []
    received = iter([{"type": "http.request", "body": b'{"na', "more_body": True}, {"type": "http.disconnect"}])
    headers = {"Content-Type": "application/json", **token_of(ALICE)}

    async def receive() -> Any:
        return next(received)

    async def send_back(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": "POST",
        "path": "/api/v1/strategies", "raw_path": b"/api/v1/strategies", "root_path": "", "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("gateway", 80),
    }  # fmt: skip
    async with edge_of(FakeServices(), DisabledCacheStore(), tmp_path) as (edge, _):
        await edge(scope, receive, send_back)
    assert sent[0]["status"] == 400
    assert caplog.records == []


async def test_nothing_internal_leaves(tmp_path: Path) -> None:
    """An unexpected failure is 500 with a request id, and not a word of what failed."""
    services = FakeServices()

    def fail(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise RuntimeError("SELECT secret FROM users")

    services.handlers["strategy.list"] = fail
    answer = await send(tmp_path, services, "GET", "/api/v1/strategies", headers=token_of(ALICE))
    assert answer.status_code == 500
    assert "SELECT" not in answer.text
    assert answer.json()["type"] == "/problems/internal"


async def test_a_reused_run_is_not_waited_for(tmp_path: Path) -> None:
    """What is done when it is asked for is answered at once, without another question."""
    services = FakeServices()
    run = {"id": new_id(), "status": "succeeded"}
    services.handlers["backtest.create"] = lambda _, __: (run, {backtest_object(run["id"]): 1})
    answer = await send(
        tmp_path, services, "POST", "/api/v1/backtests", headers=token_of(ALICE) | {"Prefer": "wait=30"},
        json={"dataset_id": new_id(), "spec": {}},
    )  # fmt: skip
    assert (answer.status_code, len(services.asked)) == (200, 1)
    assert answer.headers["location"] == f"/api/v1/backtests/{run['id']}"


@pytest.mark.parametrize("failure", [Unavailable("too much to do"), DeadlineExceeded("too late")])
async def test_what_was_accepted_is_told_though_it_cannot_be_looked_at(tmp_path: Path, failure: ServiceError) -> None:
    """202 with the run, not an error after which a client would ask for a second one."""
    services = FakeServices()
    run = {"id": new_id(), "status": "queued"}
    services.handlers["backtest.create"] = lambda _, __: (run, {backtest_object(run["id"]): 1})

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise failure

    services.handlers["backtest.read"] = refuse
    answer = await send(
        tmp_path, services, "POST", "/api/v1/backtests", headers=token_of(ALICE) | {"Prefer": "wait=30"},
        json={"dataset_id": new_id(), "spec": {}},
    )  # fmt: skip
    assert (answer.status_code, answer.json()) == (202, run)
    assert answer.headers["location"] == f"/api/v1/backtests/{run['id']}"


@pytest.mark.parametrize(("status", "code"), [("queued", 202), ("matched", 200)])
async def test_a_verification_can_be_waited_for(tmp_path: Path, status: str, code: int) -> None:
    """The run is finished all along: it is the verification that is waited for."""
    services = FakeServices()
    asked = {"requested_at": "2026-01-01T00:00:00Z", "engine_version": 2}
    run_id = new_id()
    run = {"id": run_id, "status": "succeeded", "verification": {**asked, "status": "queued"}}
    found = {**run, "verification": {**asked, "status": status}}
    services.handlers["backtest.verify"] = lambda _, __: (run, {backtest_object(run_id): 4})
    services.handlers["backtest.read"] = lambda _, __: (found, {backtest_object(run_id): 5})
    path = f"/api/v1/backtests/{run_id}/verify"
    answer = await send(tmp_path, services, "POST", path, headers=token_of(ALICE) | {"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["verification"]["status"]) == (code, status)
    at_once = await send(tmp_path, services, "POST", path, headers=token_of(ALICE))
    assert (at_once.status_code, at_once.headers["location"]) == (202, f"/api/v1/backtests/{run_id}")


async def test_a_run_is_cancelled_and_deleted(tmp_path: Path) -> None:
    """Cancelling answers the run as it is now, deleting nothing, under If-Match; both with a token."""
    services = FakeServices()
    run_id = new_id()
    services.handlers["backtest.cancel"] = lambda _, __: (
        {"id": run_id, "status": "cancelled", "revision": 2},
        {backtest_object(run_id): 2},
    )
    services.handlers["backtest.delete"] = lambda _, __: (None, {backtest_object(run_id): 3})
    path = f"/api/v1/backtests/{run_id}"
    cancelled = await send(tmp_path, services, "POST", f"{path}/cancel", headers=token_of(ALICE))
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    gone = await send(tmp_path, services, "DELETE", path, headers=token_of(ALICE) | {"If-Match": '"2-aa"'})
    assert (gone.status_code, gone.content) == (204, b"")
    assert decode(gone.headers["consistency-token"]) == {backtest_object(run_id): 3}
    asked = services.asked[-1]
    assert isinstance(asked, DeleteBacktest)
    assert asked.if_revision == (2,)


async def test_who_has_as_much_as_allowed_is_told_when_to_come_back(tmp_path: Path) -> None:
    """A service's refusal is 429 with Retry-After, a problem document that says what to do."""
    services = FakeServices()

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise QuotaExceeded("10,000 of your backtests wait; cancel some", retry_after=10.0)

    services.handlers["backtest.create"] = refuse
    body = {"strategy_id": STRATEGY, "dataset_id": new_id()}
    answer = await send(tmp_path, services, "POST", "/api/v1/backtests", headers=token_of(ALICE), json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/quota-exceeded"
    assert answer.json()["detail"] == "10,000 of your backtests wait; cancel some"
