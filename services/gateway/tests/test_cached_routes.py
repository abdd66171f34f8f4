"""docs/cached-routes.md is true: of every route, of each object, and of the events that raise it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from services.gateway.app import compose
from services.gateway.coded import Coded
from services.gateway.edge import Edge
from services.gateway.settings import GatewaySettings
from services.gateway.tests.fakes import SECRET, FakeServices, Handler, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.cache.keys import object_type
from shared.cache.results import Lookup
from shared.cache.settings import CacheSettings
from shared.contracts import events
from shared.contracts.ids import new_id
from shared.contracts.objects import is_strict
from shared.contracts.values import Principal

ROOT = Path(__file__).parents[3]
OWNER, ID = new_id(), new_id()

_ROUTE = re.compile(r"`GET (/[^`]*)`( as a file)?")
_CODE = re.compile(r"`([^`]+)`")


class Cached(NamedTuple):
    """A row of the table: the path with `{id}` and `{n}` in it, the object and the variants with `<...>` in them."""

    path: str
    obj: str
    variants: str
    ttl: str
    policy: str
    raised_by: frozenset[str]


def _rows(document: Path, heading: str) -> Iterator[list[str]]:
    """The cells of a table, by how its heading begins."""
    table = document.read_text().partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


DOCUMENT = ROOT / "docs" / "cached-routes.md"
CACHED = [
    Cached(
        _CODE.findall(route)[0].removeprefix("GET "),
        obj.strip("`"),
        variants,
        ttl,
        policy,
        frozenset(_CODE.findall(by)),
    )
    for route, obj, variants, ttl, policy, by in _rows(DOCUMENT, "route")
]
NOT_CACHED = [found for routes, _ in _rows(DOCUMENT, "not cached") for found in _ROUTE.findall(routes)]
# Outside of /api/v1, where there is no cache to ask.
OPEN = {"/health", "/health/live", "/health/ready", "/metrics", "/asyncapi.json", "/docs", "/openapi.json"}
EACH = pytest.mark.parametrize("row", CACHED, ids=lambda row: row.path)


class Watched(FakeCacheStore):
    """Notes what is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[tuple[str, str]] = []

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look up, and note it."""
        self.looked_up.append((obj, variant))
        return await super().get(obj, variant, min_version=min_version)


class Everything(dict[str, Handler]):
    """Services that answer whatever is asked with an empty page, as of version 7 of the objects named."""

    def __init__(self, *objects: str) -> None:
        super().__init__()
        self._versions = dict.fromkeys(objects, 7)

    def get(self, method: str, default: object = None) -> Handler:
        """Whoever is asked for."""
        return self._answer

    def _answer(self, _: object, __: Principal | None) -> tuple[object, dict[str, int]]:
        page: dict[str, object] = {"items": [], "next_cursor": None, "counts": {}}
        return page | {"available": False, "advice": None, "counted_since": None}, self._versions


def _filled(text: str) -> str:
    for name, value in (("{id}", ID), ("{n}", "3"), ("<id>", ID), ("<owner>", OWNER)):
        text = text.replace(name, value)
    return text


async def _read_twice(folder: Path, path: str, *objects: str) -> tuple[Watched, list[httpx.Response]]:
    services, cache = FakeServices(), Watched()
    services.handlers = Everything(*objects)
    async with client_of(services, cache, folder) as client:
        url = f"/api/v1{_filled(path)}"
        return cache, [await client.get(url, headers=token_of(OWNER, role="admin")) for _ in range(2)]


def test_every_route_is_in_one_table(tmp_path: Path) -> None:
    """Each GET of the application is cached, or named with the reason why not; no row is of a route that is none."""
    edge = compose(GatewaySettings(secret_key=SECRET, data_dir=tmp_path)).http
    assert isinstance(edge, Edge)
    assert isinstance(edge._application, Coded)
    framework = edge._application._application
    assert isinstance(framework, Litestar)
    routes = {
        re.sub(r"{\w+:str}", "{id}", route.path.replace("{version:str}", "{n}")).removeprefix("/api/v1")
        for route in framework.routes
        if isinstance(route, HTTPRoute) and "GET" in route.methods
    }
    routes = {path for path in routes if not path.startswith("/openapi.json/")}  # the framework's own
    cached = [row.path for row in CACHED]
    others = [path for path, as_a_file in NOT_CACHED if not as_a_file]
    assert sorted(cached + others) == sorted(routes)
    assert {path for path, as_a_file in NOT_CACHED if as_a_file} <= set(cached)


@EACH
async def test_a_route_is_cached_under_the_object_it_is_said_to_be(tmp_path: Path, row: Cached) -> None:
    """Looked up under this object, by the first variant named, and found there by the next reader."""
    cache, answers = await _read_twice(tmp_path, row.path, _filled(row.obj))
    (asked,) = set(cache.looked_up)
    assert asked[0] == _filled(row.obj)
    assert re.fullmatch(_as_pattern(row.variants), asked[1]), asked[1]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["cache-status"].partition("; ")[2] for answer in answers] == ["fwd=uri-miss", "hit"]


@pytest.mark.parametrize("row", [row for row in CACHED if "<cursor>" in row.variants], ids=lambda row: row.path)
async def test_every_cursor_is_an_entry_of_its_own(tmp_path: Path, row: Cached) -> None:
    """However it is spelt: what no service has given out is not answered with the first page."""
    services, cache = FakeServices(), Watched()
    services.handlers = Everything(_filled(row.obj))
    async with client_of(services, cache, tmp_path) as client:
        for query in ("", "?cursor=None", "?cursor=%27None%27", "?cursor="):
            answer = await client.get(f"/api/v1{_filled(row.path)}{query}", headers=token_of(OWNER))
            assert answer.headers["cache-status"] == "aurelius-l2; fwd=uri-miss", query
    assert len(set(cache.looked_up)) == 4


def _as_pattern(variants: str) -> str:
    """What the variant of a request without any query is, by the words that stand for it."""
    variant = re.escape(_filled(_CODE.findall(variants)[0])).replace("<n>", "3").replace("<query>", r"\{.*\}")
    return re.sub(r"<\w+>", r"(None|\\d+)", variant)


@pytest.mark.parametrize("path", [path for path, as_a_file in NOT_CACHED if not as_a_file and path not in OPEN])
async def test_what_is_not_cached_asks_no_cache(tmp_path: Path, path: str) -> None:
    """Nothing is looked up for it, so that nothing of before can be answered."""
    cache, answers = await _read_twice(tmp_path, path)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert cache.looked_up == []
    assert all("cache-status" not in answer.headers for answer in answers)


@dataclass(frozen=True)
class Environment:
    """What the environment says, each time a different one."""

    redis_enabled: bool = True
    cache_ttl_strategy: float = 11.0
    cache_ttl_backtest: float = 12.0
    cache_ttl_validation: float = 14.0
    cache_ttl_user: float = 13.0
    cache_ttl_gates: float = 15.0

    def cache_url(self) -> str:
        """Nowhere."""
        return "redis://127.0.0.1:1/0"


@EACH
def test_an_entry_lives_as_long_as_it_is_said_to(row: Cached) -> None:
    """By the setting that is named, or for the time that no setting changes."""
    environment = Environment()
    settings = CacheSettings.of(environment)
    seconds = settings.ttl.get(object_type(_filled(row.obj)), settings.default_ttl)
    setting = row.ttl.strip("`").lower()
    said = getattr(environment, setting) if row.ttl.startswith("`") else float(setting.removesuffix(" s"))
    assert seconds == said


@EACH
def test_a_write_goes_by_the_policy_that_is_said(row: Cached) -> None:
    """By the one list of types that are strict."""
    assert row.policy == ("strict" if is_strict(row.obj) else "available")


@EACH
def test_what_raises_an_object_is_what_the_other_table_says(row: Cached) -> None:
    """In ARCHITECTURE.md, line by line: the same events raise the object; each is declared."""
    obj = row.obj.replace("user:<owner>", "user:<id>")
    entity = re.sub(r"ies$", "y", object_type(_filled(obj))).removesuffix("s")
    raising = {
        name
        for *_, event, objects in _rows(ROOT / "ARCHITECTURE.md", "request")
        if obj in _CODE.findall(objects)
        for name in _CODE.findall(event)
        if name.startswith(f"{entity}.")  # what else the same transaction announces raises objects of its own
    }
    assert row.raised_by == raising
    assert {f"aurelius.{name}.v1" for name in raising} <= set(events.BY_TYPE)
