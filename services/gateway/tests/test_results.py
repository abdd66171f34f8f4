"""The results of a backtest over HTTP: forms, files, the report."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.contracts.errors import Conflict
from shared.contracts.ids import new_id
from shared.contracts.messages import ExportEquity, ExportTrades, ListTrades, ReadEquity
from shared.contracts.metrics import METRICS
from shared.contracts.objects import backtest_object
from shared.contracts.values import Principal

ALICE, RUN = new_id(), new_id()
PATH = f"/api/v1/backtests/{RUN}"
DIGEST = "ab" * 32
CSV, ARROW, PARQUET = "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def services(tmp_path: Path) -> FakeServices:
    """A service whose files hold their own form, and whose report is a small page."""
    fake = FakeServices()

    def export(message: ExportEquity | ExportTrades, _: Principal | None) -> tuple[object, dict[str, int]]:
        file = tmp_path / "objects" / "replies" / new_id()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(message.form.encode() * 1_000_000)
        return {"object_key": f"replies/{file.name}"}, {}

    versions = {backtest_object(RUN): 3}
    fake.handlers["backtest.read"] = lambda _, __: ({"id": RUN, "result_digest": DIGEST}, versions)
    fake.handlers["backtest.equity"] = lambda _, __: ({"items": []}, versions)
    fake.handlers["backtest.trades"] = lambda _, __: ({"items": [], "next_cursor": "abc"}, versions)
    fake.handlers["backtest.equity.export"] = fake.handlers["backtest.trades.export"] = export
    fake.handlers["backtest.report"] = lambda _, __: (b"<!doctype html><title>r</title>", versions)
    return fake


async def get(tmp_path: Path, services: FakeServices, path: str, **headers: str) -> httpx.Response:
    """One request of Alice's to a fresh gateway."""
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        return await client.get(f"{PATH}{path}", headers=token_of(ALICE) | headers)


def left_behind(tmp_path: Path) -> Iterator[Path]:
    """The files that wait in the object store."""
    return (path for path in (tmp_path / "objects").rglob("*") if path.is_file())


@pytest.mark.parametrize("path", ["/equity", "/trades"])
@pytest.mark.parametrize(
    ("query", "accept", "form"),
    [
        ("", "*/*", "json"),
        ("", BROWSER, "json"),
        ("", "application/json", "json"),
        ("", CSV, "csv"),
        ("", ARROW, "arrow"),
        ("", PARQUET, "parquet"),
        ("", f"application/json;q=0.5, {PARQUET};q=0.9", "parquet"),
        ("?format=csv", BROWSER, "csv"),
        ("?format=arrow", CSV, "arrow"),
        ("?format=json", CSV, "json"),
    ],
)
async def test_the_form_is_chosen_by_accept_or_by_name(
    tmp_path: Path, services: FakeServices, path: str, query: str, accept: str, form: str
) -> None:
    """What the header prefers, JSON in doubt; a name in the query, which a browser can write, stands above it."""
    answer = await get(tmp_path, services, path + query, accept=accept, **{"accept-encoding": "identity"})
    types = {"json": "application/json", "csv": f"{CSV}; charset=utf-8", "arrow": ARROW, "parquet": PARQUET}
    assert (answer.status_code, answer.headers["content-type"]) == (200, types[form])
    assert {part.strip() for part in answer.headers["vary"].split(",")} == {
        "Accept",
        "Accept-Encoding",
        "Authorization",
    }
    assert answer.headers["etag"].startswith('"')
    if form != "json":
        assert answer.content == form.encode() * 1_000_000
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers["content-disposition"].startswith(f'attachment; filename="backtest-{RUN}-{path[1:]}.')


async def test_nothing_waits_in_the_store_after_a_download(tmp_path: Path, services: FakeServices) -> None:
    """The file that was made for a request goes with it."""
    await get(tmp_path, services, "/equity?format=csv")
    assert list(left_behind(tmp_path)) == []


async def test_a_file_is_asked_for_as_it_was_wanted(tmp_path: Path, services: FakeServices) -> None:
    """Points and pages travel; a curve of fewer points has a name and a tag of its own."""
    few = await get(tmp_path, services, "/equity?points=300&format=csv")
    whole = await get(tmp_path, services, "/equity?format=csv")
    await get(tmp_path, services, "/equity?points=300")
    await get(tmp_path, services, "/trades?limit=7&cursor=x")
    asked = [message for message in services.asked if not message.METHOD.endswith("read")]
    assert asked == [
        ExportEquity(id=RUN, form="csv", points=300),
        ExportEquity(id=RUN, form="csv"),
        ReadEquity(id=RUN, points=300),
        ListTrades(id=RUN, limit=7, cursor="x"),
    ]
    assert "equity-300" in few.headers["content-disposition"]
    assert few.headers["etag"] != whole.headers["etag"]


async def test_a_client_that_has_the_file_gets_no_new_one(tmp_path: Path, services: FakeServices) -> None:
    """The tag is that of the result: 304 without making the file again, and none for a file of another form."""
    tag = (await get(tmp_path, services, "/trades?format=csv")).headers["etag"]
    services.asked.clear()
    same = await get(tmp_path, services, "/trades?format=csv", **{"if-none-match": tag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert [message.METHOD for message in services.asked] == ["backtest.read"]
    other = await get(tmp_path, services, "/trades?format=parquet", **{"if-none-match": tag})
    assert other.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_wants_the_file_as_it_was_gets_no_other(
    tmp_path: Path, services: FakeServices, method: str
) -> None:
    """412 without that the other is made, before 304, and of no cache, though its run was looked up in one."""
    path = f"{PATH}/trades?format=csv"
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        tag = (await client.get(path, headers=token_of(ALICE))).headers["etag"]
        services.asked.clear()
        for wanted, status in (("W/" + tag, 412), ('"other"', 412), (tag, 304), ("*", 304)):
            headers = token_of(ALICE) | {"If-Match": wanted, "If-None-Match": tag}
            answer = await client.request(method, path, headers=headers)
            assert (answer.status_code, "cache-status" in answer.headers) == (status, False)
        assert services.asked == []
        answer = await client.request(method, path, headers=token_of(ALICE) | {"If-Match": tag})
        assert answer.status_code == 200
    assert not list(left_behind(tmp_path))


async def test_a_file_that_has_no_name_beforehand_is_none_that_was_wanted(
    tmp_path: Path, services: FakeServices
) -> None:
    """The run is cached from before its end: the file is made, is not the one that is named, and does not stay."""
    services.handlers["backtest.read"] = lambda _, __: ({"id": RUN, "result_digest": None}, {})
    for wanted, status in (('"other"', 412), ("*", 200)):
        answer = await get(tmp_path, services, "/trades?format=csv", **{"if-match": wanted})
        assert answer.status_code == status
    assert not list(left_behind(tmp_path))


@pytest.mark.parametrize("name", ["limit", "cursor"])
async def test_files_have_no_pages(tmp_path: Path, services: FakeServices, name: str) -> None:
    """A page of a file is 400 and named, not the whole in its place."""
    answer = await get(tmp_path, services, f"/trades?{name}=7&format=csv")
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/query/{name}"]
    assert services.asked == []


@pytest.mark.parametrize("query", ["?format=xlsx", "?points=1", "?colour=red"])
async def test_an_unknown_wish_is_refused(tmp_path: Path, services: FakeServices, query: str) -> None:
    """A form or a number that there is not is 400, and nothing is asked."""
    assert (await get(tmp_path, services, f"/equity{query}")).status_code == 400
    assert services.asked == []


@pytest.mark.parametrize("path", ["equity?format=csv", "trades?format=arrow", "report"])
async def test_a_malformed_id_is_not_found(tmp_path: Path, services: FakeServices, path: str) -> None:
    """As everywhere, and without asking."""
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        answer = await client.get(f"/api/v1/backtests/nonsense/{path}", headers=token_of(ALICE))
    assert answer.status_code == 404
    assert services.asked == []


async def test_there_is_no_file_before_the_end(tmp_path: Path, services: FakeServices) -> None:
    """A run that has not succeeded answers with the service's own conflict."""

    def refuse(_: object, __: Principal | None) -> Any:
        raise Conflict("The backtest is queued")

    services.handlers["backtest.read"] = lambda _, __: ({"id": RUN, "result_digest": None}, {})
    services.handlers["backtest.equity.export"] = refuse
    answer = await get(tmp_path, services, "/equity?format=csv")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")


async def test_there_is_no_file_to_have_or_to_hear_of_before_the_end(tmp_path: Path, services: FakeServices) -> None:
    """HEAD, and GET on any condition, are told what GET is told: nothing is known of a file that cannot be made yet."""

    def refuse(_: object, __: Principal | None) -> Any:
        raise Conflict("The backtest is queued")

    services.handlers["backtest.read"] = lambda _, __: ({"id": RUN, "result_digest": None}, {})
    services.handlers["backtest.equity.export"] = refuse
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        conditions: list[dict[str, str]] = [{"If-None-Match": "*"}, {"If-Match": '"other"'}]
        for method, condition in [("HEAD", {}), *itertools.product(("GET", "HEAD"), conditions)]:
            headers = token_of(ALICE) | condition
            answer = await client.request(method, f"{PATH}/equity?format=csv", headers=headers)
            assert answer.status_code == 409


async def test_the_report_is_a_page_that_can_do_nothing(tmp_path: Path, services: FakeServices) -> None:
    """HTML, tagged like any read, under a policy that loads nothing and runs nothing."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        first = await client.get(f"{PATH}/report", headers=token_of(ALICE))
        tag = {"if-none-match": first.headers["etag"]}
        second = await client.get(f"{PATH}/report", headers=token_of(ALICE) | tag)
    assert (first.status_code, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert first.content == b"<!doctype html><title>r</title>"
    assert second.status_code == 304
    policy = first.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["content-disposition"] == f'inline; filename="backtest-{RUN}.html"'


async def test_a_report_is_never_of_a_dataset_that_was_deleted(tmp_path: Path, services: FakeServices) -> None:
    """It shows the prices while they are there: to delete them is no change of the run, which a cache would go by."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        first = await client.get(f"{PATH}/report", headers=token_of(ALICE))
        services.handlers["backtest.report"] = lambda _, __: (
            b"the dataset has been deleted",
            {backtest_object(RUN): 3},
        )
        second = await client.get(f"{PATH}/report", headers=token_of(ALICE))
    assert (first.text, second.text) == ("<!doctype html><title>r</title>", "the dataset has been deleted")
    assert "cache-status" not in first.headers


async def test_the_document_names_every_form_and_every_metric(tmp_path: Path, services: FakeServices) -> None:
    """The media types of the files, the report as HTML, what is waited for, and what every metric means."""
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    for table in ("equity", "trades"):
        content = paths[f"/api/v1/backtests/{{backtest_id}}/{table}"]["get"]["responses"]["200"]["content"]
        assert set(content) == {"application/json", CSV, ARROW, PARQUET}
    assert set(paths["/api/v1/backtests/{backtest_id}/report"]["get"]["responses"]["200"]["content"]) == {"text/html"}
    for path in ("backtests", "sweeps", "backtests/{backtest_id}/verify"):
        answers = paths[f"/api/v1/{path}"]["post"]["responses"]
        assert answers["200"]["content"] == answers["202"]["content"]
    said = paths["/api/v1/backtests/{backtest_id}"]["get"]["description"]
    assert all(f"- `{metric.name}` ({metric.unit}): {metric.formula}." in said for metric in METRICS)
