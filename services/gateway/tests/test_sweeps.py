"""Sweeps over HTTP: what is refused at the edge, what answers say, forms and files of the results."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.tokens import decode
from shared.contracts.errors import Conflict, InputError, Invalid
from shared.contracts.ids import new_id
from shared.contracts.messages import (
    CancelSweep,
    CreateSweep,
    DeleteSweep,
    ExportSweepResults,
    ListSweepResults,
    ListSweeps,
)
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.sweep_values import SweepSample
from shared.contracts.values import Principal

ALICE, SWEEP, STRATEGY, DATASET = (new_id() for _ in range(4))
DIGEST = "ab" * 32
ROOT = "/api/v1/sweeps"
BODY = {"dataset_id": DATASET, "strategy_id": STRATEGY, "grid": {"fast": [5, 10]}}
CSV, ARROW, PARQUET = "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
QUEUED, SUCCEEDED = (
    {"id": SWEEP, "status": "queued", "revision": 1},
    {"id": SWEEP, "status": "succeeded", "revision": 3},
)


@pytest.fixture
def services(tmp_path: Path) -> FakeServices:
    """A service with one sweep that has succeeded."""
    fake = FakeServices()

    def export(message: ExportSweepResults, _: Principal | None) -> tuple[object, dict[str, int]]:
        file = tmp_path / "objects" / "replies" / new_id()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(message.form.encode() * 1000)
        return {"object_key": f"replies/{file.name}"}, {}

    versions = {sweep_object(SWEEP): 3}
    fake.handlers["sweep.create"] = lambda _, __: (QUEUED, {sweep_object(SWEEP): 1, sweeps_object(ALICE): 4})
    fake.handlers["sweep.read"] = lambda _, __: ({**SUCCEEDED, "result_digest": DIGEST}, versions)
    fake.handlers["sweep.list"] = lambda _, __: ({"items": [], "next_cursor": "abc"}, {sweeps_object(ALICE): 4})
    fake.handlers["sweep.results"] = lambda _, __: ({"items": [], "next_cursor": "abc"}, versions)
    fake.handlers["sweep.export"] = export
    fake.handlers["sweep.cancel"] = lambda _, __: ({**QUEUED, "status": "cancelled"}, {sweep_object(SWEEP): 4})
    fake.handlers["sweep.delete"] = lambda _, __: (None, {sweep_object(SWEEP): 5, sweeps_object(ALICE): 6})
    return fake


async def send(tmp_path: Path, services: FakeServices, method: str, path: str = "", **options: Any) -> httpx.Response:
    """One request of Alice's to a fresh gateway."""
    headers = token_of(ALICE) | options.pop("headers", {})
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        return await client.request(method, f"{ROOT}{path}", headers=headers, **options)


async def test_a_sweep_is_accepted_and_can_be_waited_for(tmp_path: Path, services: FakeServices) -> None:
    """202 and where it will be; with `Prefer: wait` 200 and the finished one, whose token names the list as well."""
    accepted = await send(tmp_path, services, "POST", json=BODY)
    assert (accepted.status_code, accepted.headers["location"]) == (202, f"{ROOT}/{SWEEP}")
    assert decode(accepted.headers["consistency-token"]) == {sweep_object(SWEEP): 1, sweeps_object(ALICE): 4}
    sample = {**BODY, "sample": {"n": 5, "seed": 3}, "objective": "trades", "seed": 9, "start": "2000-01-01"}
    waited = await send(tmp_path, services, "POST", json=sample, headers={"Prefer": "wait=5"})
    assert (waited.status_code, waited.json()["status"]) == (200, "succeeded")
    assert (waited.headers["location"], waited.headers["preference-applied"]) == (f"{ROOT}/{SWEEP}", "wait=5")
    assert decode(waited.headers["consistency-token"]) == {sweep_object(SWEEP): 3, sweeps_object(ALICE): 4}
    asked = services.asked[1]
    assert isinstance(asked, CreateSweep)
    assert (asked.sample, asked.objective, asked.seed, str(asked.start)) == (
        SweepSample(n=5, seed=3),
        "trades",
        9,
        "2000-01-01",
    )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"extra": 1}, "/extra"),
        ({"grid": None}, "/grid"),
        ({"grid": [1]}, "/grid"),
        ({"objective": "alpha"}, "/objective"),
        ({"seed": -1}, "/seed"),
        ({"sample": {"n": "many"}}, "/sample/n"),
        ({"sample": {"n": 3, "size": 3}}, "/sample/size"),
        ({"execution": {"feebps": 1}}, "/execution/feebps"),
        ({"start": "yesterday"}, "/start"),
    ],
)
async def test_what_cannot_be_read_is_refused_at_the_edge(
    tmp_path: Path, services: FakeServices, change: dict[str, Any], pointer: str
) -> None:
    """400 with a pointer, and no service is asked."""
    answer = await send(tmp_path, services, "POST", json=BODY | change)
    assert answer.status_code == 400, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    if pointer == "/objective":
        assert "profit_factor, sharpe" in answer.json()["detail"]
    assert services.asked == []


async def test_what_means_nothing_is_refused_with_its_place(tmp_path: Path, services: FakeServices) -> None:
    """422 with the service's own pointers."""

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Invalid("why", errors=(InputError("/grid/fast/2", "is 99, it must be at most 50"),))

    services.handlers["sweep.create"] = refuse
    answer = await send(tmp_path, services, "POST", json=BODY)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/grid/fast/2")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", ListSweeps()),
        (
            f"?limit=7&cursor=x&status=running&strategy_id={STRATEGY}&dataset_id={DATASET}",
            ListSweeps(limit=7, cursor="x", status="running", strategy_id=STRATEGY, dataset_id=DATASET),
        ),
    ],
)
async def test_lists_pass_on_their_filters(
    tmp_path: Path, services: FakeServices, query: str, asked: ListSweeps
) -> None:
    """And say where the next page is."""
    answer = await send(tmp_path, services, "GET", query)
    assert services.asked == [asked]
    assert 'rel="next"' in answer.headers["link"]
    assert "cursor=abc" in answer.headers["link"]


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("?limit=0", "/query/limit"),
        ("?sort=created_at", "/query/sort"),
        ("?status=done", "/query/status"),
        (f"/{SWEEP}/results?metric=alpha", "/query/metric"),
        (f"/{SWEEP}/results?limit=201", "/query/limit"),
        (f"/{SWEEP}/results?format=xls", "/query/format"),
        (f"/{SWEEP}/results?format=csv&limit=5", "/query/limit"),
        (f"/{SWEEP}/results?format=csv&metric=sharpe", "/query/metric"),
        (f"/{SWEEP}/results?format=arrow&cursor=x", "/query/cursor"),
    ],
)
async def test_a_query_that_means_nothing_is_refused(
    tmp_path: Path, services: FakeServices, path: str, pointer: str
) -> None:
    """400 with the parameter's name, and no service is asked."""
    answer = await send(tmp_path, services, "GET", path)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert services.asked == []


async def test_pages_of_results_pass_on_what_is_asked(tmp_path: Path, services: FakeServices) -> None:
    """By the objective unless a metric is named."""
    await send(tmp_path, services, "GET", f"/{SWEEP}/results")
    answer = await send(tmp_path, services, "GET", f"/{SWEEP}/results?metric=sortino&limit=7&cursor=x")
    assert services.asked == [
        ListSweepResults(id=SWEEP),
        ListSweepResults(id=SWEEP, metric="sortino", limit=7, cursor="x"),
    ]
    assert "metric=sortino&limit=7&cursor=abc" in answer.headers["link"]


@pytest.mark.parametrize(
    ("query", "accept", "form"),
    [
        ("", "*/*", "json"),
        ("", CSV, "csv"),
        ("", ARROW, "arrow"),
        ("", PARQUET, "parquet"),
        ("?format=parquet", "text/html", "parquet"),
        ("?format=json", CSV, "json"),
    ],
)
async def test_the_form_is_chosen_by_accept_or_by_name(
    tmp_path: Path, services: FakeServices, query: str, accept: str, form: str
) -> None:
    """A file of all combinations, or a page of JSON; HEAD says the same without a body."""
    path = f"/{SWEEP}/results{query}"
    answer = await send(tmp_path, services, "GET", path, headers={"Accept": accept})
    types = {"json": "application/json", "csv": f"{CSV}; charset=utf-8", "arrow": ARROW, "parquet": PARQUET}
    assert (answer.status_code, answer.headers["content-type"]) == (200, types[form])
    assert {part.strip() for part in answer.headers["vary"].split(",")} == {
        "Accept",
        "Accept-Encoding",
        "Authorization",
    }
    head = await send(tmp_path, services, "HEAD", path, headers={"Accept": accept})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    if form != "json":
        assert answer.content == form.encode() * 1000
        assert answer.headers["content-disposition"].startswith(f'attachment; filename="sweep-{SWEEP}.')
    assert not [file for file in (tmp_path / "objects").rglob("*") if file.is_file()]


async def test_a_client_that_has_the_file_gets_no_new_one(tmp_path: Path, services: FakeServices) -> None:
    """The tag is that of the result: 304 without making the file again, and none for another form."""
    path = f"/{SWEEP}/results?format=csv"
    tag = (await send(tmp_path, services, "GET", path)).headers["etag"]
    services.asked.clear()
    same = await send(tmp_path, services, "GET", path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert [message.METHOD for message in services.asked] == ["sweep.read"]
    other = await send(tmp_path, services, "GET", f"/{SWEEP}/results?format=arrow", headers={"If-None-Match": tag})
    assert other.status_code == 200


async def test_why_there_are_no_results_is_told(tmp_path: Path, services: FakeServices) -> None:
    """409 in every form; an id that is none is not found."""

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Conflict("The sweep is running")

    services.handlers["sweep.results"] = services.handlers["sweep.export"] = refuse
    services.handlers["sweep.read"] = lambda _, __: ({"id": SWEEP, "status": "running", "result_digest": None}, {})
    for form in ("json", "csv"):
        assert (await send(tmp_path, services, "GET", f"/{SWEEP}/results?format={form}")).status_code == 409
        assert (await send(tmp_path, services, "GET", f"/nonsense/results?format={form}")).status_code == 404
    assert (await send(tmp_path, services, "GET", "/nonsense")).status_code == 404


async def test_a_sweep_is_cancelled_and_deleted(tmp_path: Path, services: FakeServices) -> None:
    """With tokens that name what changed; If-Match travels as the revision it names."""
    cancelled = await send(tmp_path, services, "POST", f"/{SWEEP}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert decode(cancelled.headers["consistency-token"]) == {sweep_object(SWEEP): 4}
    deleted = await send(tmp_path, services, "DELETE", f"/{SWEEP}", headers={"If-Match": '"3-abc"'})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert decode(deleted.headers["consistency-token"]) == {sweep_object(SWEEP): 5, sweeps_object(ALICE): 6}
    assert services.asked == [CancelSweep(id=SWEEP), DeleteSweep(id=SWEEP, if_revision=(3,))]


@pytest.mark.parametrize("path", [f"/{SWEEP}", "", f"/{SWEEP}/results"])
async def test_the_second_read_is_a_hit(tmp_path: Path, services: FakeServices, path: str) -> None:
    """Byte for byte the same, with a tag that makes the third one 304; one without a version is never kept."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        first, second = [await client.get(f"{ROOT}{path}", headers=token_of(ALICE)) for _ in range(2)]
        assert "fwd=uri-miss" in first.headers["cache-status"]
        assert "hit" in second.headers["cache-status"]
        assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
        headers = token_of(ALICE) | {"If-None-Match": first.headers["etag"]}
        assert (await client.get(f"{ROOT}{path}", headers=headers)).status_code == 304


async def test_a_running_sweep_is_always_asked_for(tmp_path: Path, services: FakeServices) -> None:
    """Its progress changes without an event: what comes without a version is not kept."""
    services.handlers["sweep.read"] = lambda _, __: ({"id": SWEEP, "status": "running"}, {})
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        answers = [await client.get(f"{ROOT}/{SWEEP}", headers=token_of(ALICE)) for _ in range(2)]
    assert ["uri-miss" in answer.headers["cache-status"] for answer in answers] == [True, True]
