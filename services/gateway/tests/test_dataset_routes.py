"""Datasets at the edge of the HTTP contract: their bars in every form, and their deletion."""

from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.core.table_forms import MEDIA_TYPES
from services.gateway.tests.fakes import FakeServices, client_of, token_of
from services.gateway.tests.test_routes import ALICE, DATASET
from shared.cache.disabled import DisabledCacheStore
from shared.cache.tokens import decode
from shared.contracts.errors import Conflict, Invalid
from shared.contracts.ids import new_id
from shared.contracts.messages import DeleteDataset, ExportBars, ListBars, ReadDataset, TableForm
from shared.contracts.objects import dataset_object, datasets_object
from shared.contracts.values import Principal

ID = str(DATASET["id"])
BARS = f"/api/v1/datasets/{ID}/bars"
KEY = "replies/one"
CONTENT = b"time,open\n" * 300_000


def services_with(**handlers: Any) -> FakeServices:
    """Services that know a dataset, and answer what else is given: by method, `_` for the dot."""
    services = FakeServices()
    services.handlers["dataset.read"] = lambda _, __: (DATASET, {})
    for method, handler in handlers.items():
        services.handlers[method.replace("_", ".")] = handler
    return services


async def send(tmp_path: Path, services: FakeServices, method: str, path: str, **headers: str) -> httpx.Response:
    """Send one request of Alice's to a fresh gateway."""
    async with client_of(services, DisabledCacheStore(), tmp_path) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, path, headers=token_of(ALICE) | named)


async def test_bars_are_paged_as_json(tmp_path: Path) -> None:
    """By default, with the link to the next page, a tag, and the word that another Accept gets something else."""
    services = services_with(dataset_bars=lambda _, __: ({"items": [], "next_cursor": "abc"}, {}))
    answer = await send(tmp_path, services, "GET", f"{BARS}?start=2024-01-02&limit=7")
    assert answer.status_code == 200
    assert services.asked == [ListBars(id=ID, start=date(2024, 1, 2), limit=7)]
    assert answer.headers["link"] == f'<{BARS}?start=2024-01-02&limit=7&cursor=abc>; rel="next"'
    assert answer.headers["vary"] == "Authorization, Accept, Accept-Encoding"
    again = await send(tmp_path, services, "GET", BARS, if_none_match=answer.headers["etag"])
    assert again.status_code == 304


@pytest.mark.parametrize("form", MEDIA_TYPES)
async def test_all_bars_are_a_file(tmp_path: Path, form: TableForm) -> None:
    """Streamed from the object store, where nothing stays, under a name to save it as."""
    stored = tmp_path / "objects" / KEY

    def export(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        stored.parent.mkdir(exist_ok=True)
        stored.write_bytes(CONTENT)
        return {"object_key": KEY}, {}

    services = services_with(dataset_export=export)
    plain = {"accept": MEDIA_TYPES[form], "accept_encoding": "identity"}
    answer = await send(tmp_path, services, "GET", f"{BARS}?end=2024-01-02", **plain)
    assert (answer.status_code, answer.content == CONTENT) == (200, True)
    assert services.asked[1:] == [ExportBars(id=ID, form=form, end=date(2024, 1, 2))]
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[form]
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-disposition"].startswith('attachment; filename="S-1d.')
    assert not stored.exists()
    asked = len(services.asked)
    tag = answer.headers["etag"]
    again = await send(tmp_path, services, "GET", f"{BARS}?end=2024-01-02", accept=MEDIA_TYPES[form], if_none_match=tag)
    other = await send(tmp_path, services, "GET", BARS, accept=MEDIA_TYPES[form], if_none_match=tag)
    assert (again.status_code, other.status_code) == (304, 200)
    assert [type(message) for message in services.asked[asked:]] == [ReadDataset, ReadDataset, ExportBars]


async def test_a_file_has_no_pages(tmp_path: Path) -> None:
    """A limit or a cursor with it is a misunderstanding, and nothing is made."""
    for query in ("limit=5", "cursor=abc"):
        answer = await send(tmp_path, services_with(), "GET", f"{BARS}?format=csv&{query}")
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["pointer"]) == (400, f"/query/{query.partition('=')[0]}")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("start=x", "/query/start"), ("limit=201", "/query/limit"), ("points=5", "/query/points"), ("end=", "/query/end")],
)
async def test_what_is_asked_for_is_checked(tmp_path: Path, query: str, pointer: str) -> None:
    """By the name of the parameter."""
    answer = await send(tmp_path, services_with(), "GET", f"{BARS}?{query}")
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, [pointer])


async def test_a_table_that_is_gone_is_asked_for_again(tmp_path: Path) -> None:
    """When the file is not where it was put, that is ours: 503."""
    services = services_with(dataset_export=lambda _, __: ({"object_key": "replies/none"}, {}))
    assert (await send(tmp_path, services, "GET", BARS, accept="text/csv")).status_code == 503


async def test_head_of_a_period_that_is_none_is_what_get_is(tmp_path: Path) -> None:
    """The service is asked, which names the parameter; of a period that is one it need not be."""

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Invalid("The period: swap them")

    services = services_with(dataset_export=refuse)
    for query, status in (("start=2024-01-03&end=2024-01-02", 422), ("start=2024-01-02&end=2024-01-02", 200)):
        answer = await send(tmp_path, services, "HEAD", f"{BARS}?{query}", accept="text/csv")
        assert answer.status_code == status


async def test_a_dataset_is_deleted(tmp_path: Path) -> None:
    """204 with the token that makes the writer's next reads see it; force only when it is said."""
    versions = {dataset_object(ID): 2, datasets_object(ALICE): 5}
    services = services_with(dataset_delete=lambda _, __: (None, versions))
    for query, force in (("", False), ("?force=false", False), ("?force=true", True)):
        services.asked.clear()
        answer = await send(tmp_path, services, "DELETE", f"/api/v1/datasets/{ID}{query}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert decode(answer.headers["consistency-token"]) == versions
        assert services.asked == [DeleteDataset(id=ID, force=force)]
    answer = await send(tmp_path, services, "DELETE", f"/api/v1/datasets/{ID}?force=perhaps")
    assert answer.status_code == 400


async def test_what_is_in_the_way_is_said(tmp_path: Path) -> None:
    """409 with the service's sentence."""

    def refuse(_: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        raise Conflict("2 backtests refer to this dataset")

    answer = await send(tmp_path, services_with(dataset_delete=refuse), "DELETE", f"/api/v1/datasets/{ID}")
    assert (answer.status_code, answer.json()["detail"]) == (409, "2 backtests refer to this dataset")


async def test_if_match_names_the_dataset_or_nothing_happens(tmp_path: Path) -> None:
    """A dataset never changes: its own tag lets the deletion through, any other is 412."""
    services = services_with(dataset_delete=lambda _, __: (None, {}))
    path = f"/api/v1/datasets/{ID}"
    tag = (await send(tmp_path, services, "GET", path)).headers["etag"]
    right, wrong = [tag, "*", f'"x", {tag}'], ['"x"', f"W/{tag}", f'"x", W/{tag}', ID]
    for wanted, status in [*((each, 204) for each in right), *((each, 412) for each in wrong)]:
        services.asked.clear()
        answer = await send(tmp_path, services, "DELETE", path, if_match=wanted)
        assert answer.status_code == status, wanted
        assert (DeleteDataset(id=ID) in services.asked) == (status == 204)


async def test_other_ids_are_the_services_to_judge(tmp_path: Path) -> None:
    """What nobody knows is 404 in every form."""
    services = FakeServices()
    for method, path in (("GET", f"{BARS}"), ("DELETE", f"/api/v1/datasets/{new_id()}")):
        assert (await send(tmp_path, services, method, path)).status_code == 404
    assert (await send(tmp_path, services, "GET", BARS, accept="text/csv")).status_code == 404
