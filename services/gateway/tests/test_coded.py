"""The coding of answers over HTTP: which, with what headers, and that it is what the body is in."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import brotli
import httpx
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway import coded
from services.gateway.coded import INLINE, Coded, compressed
from services.gateway.core.codings import CODINGS, IDENTITY, compressor
from services.gateway.core.tests.accept_encodings import Named, accepted, best, headers
from services.gateway.notes import Notes, attach
from services.gateway.tests.fakes import FakeServices, client_of, token_of
from shared.cache.fake import FakeCacheStore
from shared.cache.local import LocalCache
from shared.contracts.ids import new_id
from shared.contracts.objects import backtest_object, strategy_object
from tests.depth import examples

T = TypeVar("T")
ALICE, BIG, SMALL, RUN = new_id(), new_id(), new_id(), new_id()
PATHS = {name: f"/api/v1/strategies/{each}" for name, each in (("big", BIG), ("small", SMALL))}
CSV, ARROW, PARQUET = "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
EXPORT = f"/api/v1/backtests/{RUN}/equity?format=csv"
FILE = b"time,equity\n" * 200_000
DECODERS = {"zstd": zstd.decompress, "br": brotli.decompress, "gzip": gzip.decompress, IDENTITY: bytes}


class Raw(NamedTuple):
    """An answer as it came, its body still in its coding."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def coding(self) -> str:
        """The coding that the answer says it is in."""
        return str(self.headers.get("content-encoding", IDENTITY))

    @property
    def plain(self) -> bytes:
        """The body without its coding."""
        plain: bytes = DECODERS[self.coding](self.body)
        return plain


@pytest.fixture
def services(tmp_path: Path) -> FakeServices:
    """A large strategy, a small one, and a run with a file."""
    fake = FakeServices()
    bodies = {BIG: {"id": BIG, "revision": 3, "name": "n" * 5000}, SMALL: {"id": SMALL, "revision": 4}}

    def export(_: object, __: object) -> tuple[object, dict[str, int]]:
        file = tmp_path / "objects" / "replies" / new_id()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(FILE)
        return {"object_key": f"replies/{file.name}"}, {}

    fake.handlers["strategy.read"] = lambda message, _: (bodies[message.id], {strategy_object(message.id): 3})
    fake.handlers["strategy.patch"] = lambda *_: (bodies[BIG], {strategy_object(BIG): 3})
    fake.handlers["strategy.delete"] = lambda *_: (None, {strategy_object(BIG): 4})
    fake.handlers["backtest.read"] = lambda *_: ({"id": RUN, "result_digest": "ab" * 32}, {backtest_object(RUN): 1})
    fake.handlers["backtest.equity.export"] = export
    fake.handlers["backtest.report"] = lambda *_: (b"<!doctype html><title>r</title>" * 100, {})
    return fake


class Ask(Protocol):
    """A way to ask a gateway and to see what really comes."""

    async def __call__(self, path: str, accepting: str | None = None, *, method: str = "GET", **more: Any) -> Raw:
        """Send one request of Alice's, without Accept-Encoding for None."""


@asynccontextmanager
async def asking(services: FakeServices, folder: Path) -> AsyncIterator[Ask]:
    """Lend one, which is answered by the gateway's own cache where it can be."""
    local = LocalCache(10_000_000)
    local.opened()
    local.fresh_until = 1e12
    async with client_of(services, FakeCacheStore(), folder, local=local) as client:

        async def ask(path: str, accepting: str | None = None, *, method: str = "GET", **more: Any) -> Raw:
            sent = token_of(ALICE) | more.pop("headers", {})
            request = client.build_request(method, path, headers=sent, **more)
            del request.headers["accept-encoding"]
            if accepting is not None:
                request.headers["accept-encoding"] = accepting
            answer = await client.send(request, stream=True)
            body = b"".join([piece async for piece in answer.aiter_raw()])
            return Raw(answer.status_code, answer.headers, body)

        yield ask


@pytest.fixture
async def ask(services: FakeServices, tmp_path: Path) -> AsyncIterator[Ask]:
    """Of a gateway around the services."""
    async with asking(services, tmp_path) as lent:
        yield lent


def test_nothing_is_sent_in_a_coding_that_its_client_refused(services: FakeServices, tmp_path: Path) -> None:
    """Whatever is accepted: large or small, whole or on its way, the answer is in what the RFC has it be, or 406."""
    small, ways = {PATHS["small"], "/api/v1/nothing"}, set()
    with asyncio.Runner() as runner:
        lent = asking(services, tmp_path)
        ask = runner.run(lent.__aenter__())
        plain = {path: runner.run(ask(path)) for path in (*PATHS.values(), EXPORT, "/api/v1/nothing")}

        @settings(deadline=None, max_examples=examples(200))
        @given(headers(), st.sampled_from(list(plain)))
        def check(case: tuple[str, list[Named]], path: str) -> None:
            header, members = case
            answer, expected = runner.run(ask(path, header)), best(members)
            assert "Accept-Encoding" in answer.headers["vary"]
            if expected is None:
                assert (answer.status, answer.coding) == (406, IDENTITY)
                return
            if path in small and accepted("identity", members) is not None:
                expected = IDENTITY
            assert (answer.status, answer.coding) == (plain[path].status, expected)
            ways.add(answer.headers.get("cache-status"))
            assert len(answer.plain) == len(plain[path].body)

        check()
        assert "aurelius-l1; hit" in ways
        runner.run(lent.__aexit__(None, None, None))


async def test_what_no_client_could_read_is_refused_before_it_is_done(ask: Ask, services: FakeServices) -> None:
    """A write whose answer could not be sent is not made."""
    answer = await ask("/api/v1/strategies", "identity;q=0, deflate", method="POST", json={"name": "n", "spec": {}})
    assert (answer.status, answer.headers["content-type"]) == (406, "application/problem+json")
    assert answer.headers["x-request-id"] in answer.body.decode()
    assert services.asked == []


@pytest.mark.parametrize("coding", [*CODINGS, IDENTITY])
async def test_each_coding_has_its_length_and_its_tag(ask: Ask, coding: str) -> None:
    """Content-Length is of what is sent, the tag ends with the coding, and Vary keeps what it said before."""
    plain, answer = await ask(PATHS["big"]), await ask(PATHS["big"], coding)
    assert (answer.coding, answer.plain) == (coding, plain.body)
    assert answer.headers.get_list("content-length") == [str(len(answer.body))]
    suffix = f"-{coding}" if coding else ""
    assert answer.headers["etag"] == f'{plain.headers["etag"][:-1]}{suffix}"'
    assert answer.headers["vary"] == "Authorization, Accept-Encoding"
    assert "coding;dur=" in answer.headers["server-timing"] or not coding
    assert not coding or len(answer.body) < len(plain.body) / 10


@pytest.mark.parametrize("path", ["big", "small"])
@pytest.mark.parametrize("accepting", [None, "gzip", "br", "zstd", "identity;q=0, gzip"])
async def test_head_and_304_name_what_get_would_have_sent(ask: Ask, path: str, accepting: str | None) -> None:
    """HEAD has the headers of GET, the coded length too; 304 has the tag that the 200 has, and neither has a body."""
    get = await ask(PATHS[path], accepting)
    head = await ask(PATHS[path], accepting, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert same(head.headers) == same(get.headers)
    for tag in (get.headers["etag"], (await ask(PATHS[path])).headers["etag"], "*"):
        unchanged = await ask(PATHS[path], accepting, headers={"If-None-Match": tag})
        assert (unchanged.status, unchanged.body) == (304, b"")
        assert unchanged.headers["etag"] == get.headers["etag"]
        assert unchanged.headers["vary"] == get.headers["vary"]
        assert not {"content-length", "content-type", "content-encoding"} & unchanged.headers.keys()


def same(headers: httpx.Headers) -> dict[str, str]:
    """What is the same for two requests for the same."""
    own = {"x-request-id", "traceparent", "x-process-time", "server-timing", "cache-status"}
    return {name: value for name, value in headers.items() if name not in own}


@pytest.mark.parametrize(("form", "coded"), [(CSV, True), (ARROW, True), (PARQUET, False)])
async def test_a_file_is_coded_on_its_way(ask: Ask, form: str, coded: bool) -> None:
    """Without a length, since nobody knows it yet. Parquet, compressed inside, goes as it is, with its length."""
    accept = {"Accept": form}
    answer = await ask(EXPORT.partition("?")[0], "br", headers=accept)
    assert (answer.coding, answer.plain == FILE) == ("br" if coded else IDENTITY, True)
    assert answer.headers.get("content-length") == (None if coded else str(len(FILE)))
    assert answer.headers["etag"].endswith('-br"') is coded
    assert answer.headers["vary"] == "Authorization, Accept, Accept-Encoding"
    tag = {"If-None-Match": answer.headers["etag"]}
    unchanged = await ask(EXPORT.partition("?")[0], "br", headers=accept | tag)
    assert (unchanged.status, unchanged.headers["etag"]) == (304, answer.headers["etag"])
    refusing = await ask(EXPORT.partition("?")[0], "identity;q=0, br", headers=accept)
    assert (refusing.coding, refusing.plain == FILE) == ("br", True)


@pytest.mark.parametrize("accepting", [None, "gzip", "br", "zstd", "identity;q=0, br"])
@pytest.mark.parametrize("form", [CSV, ARROW, PARQUET])
async def test_head_of_a_file_does_not_have_it_made(
    ask: Ask, services: FakeServices, form: str, accepting: str | None
) -> None:
    """It says what GET says but for the length, and asks for no more than what names the file."""
    path, accept = EXPORT.partition("?")[0], {"Accept": form}
    get = await ask(path, accepting, headers=accept)
    asked = len(services.asked)
    head = await ask(path, accepting, method="HEAD", headers=accept)
    assert (head.status, head.body) == (200, b"")
    assert same(head.headers) == {name: value for name, value in same(get.headers).items() if name != "content-length"}
    assert [each.METHOD for each in services.asked[asked:]] == []


async def test_every_kind_of_answer_is_coded(ask: Ask) -> None:
    """A page of HTML, the OpenAPI document, what a write answers; a 204 has nothing to code."""
    report = await ask(f"/api/v1/backtests/{RUN}/report", "gzip")
    assert (report.coding, report.plain[:9]) == ("gzip", b"<!doctype")
    assert (await ask("/openapi.json", "zstd")).coding == "zstd"
    changed = await ask(PATHS["big"], "br", method="PATCH", json={"name": "n"})
    assert (changed.status, changed.coding, changed.headers["etag"][-4:]) == (200, "br", '-br"')
    gone = await ask(PATHS["big"], "identity;q=0, br", method="DELETE")
    assert (gone.status, gone.coding, gone.body) == (204, IDENTITY, b"")
    assert "content-length" not in gone.headers


async def test_several_headers_are_one(services: FakeServices, tmp_path: Path) -> None:
    """A refusal in the second counts as well."""
    async with client_of(services, FakeCacheStore(), tmp_path) as client:
        twice = [("Accept-Encoding", "zstd, br"), ("Accept-Encoding", "zstd;q=0"), *token_of(ALICE).items()]
        request = httpx.Request("GET", f"http://gateway{PATHS['big']}", headers=twice)
        assert (await client.send(request)).headers["content-encoding"] == "br"


async def test_a_coded_request_is_told_what_is_read(ask: Ask) -> None:
    """415, and the header that says that bodies come without a coding."""
    coded = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await ask("/api/v1/strategies", method="POST", content=gzip.compress(b"{}"), headers=coded)
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")
    assert b"without a Content-Encoding" in answer.body


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_large_body_does_not_hold_up_the_others(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compressed in a thread, whole or a piece of one; a small one at once."""
    in_main = []

    def noted(value: T) -> T:
        in_main.append(threading.current_thread() is threading.main_thread())
        return value

    monkeypatch.setattr(coded, "compress", lambda body, _: noted(body))
    large, small = b"x" * (INLINE[coding] + 1), b"x" * INLINE[coding]
    assert [len(await compressed(body, coding)) for body in (large, small)] == [len(large), len(small)]
    assert in_main == [False, True]

    in_main.clear()
    made = compressor(coding)
    add = made.add
    made.add = lambda piece: noted(add(piece))  # type: ignore[method-assign]
    monkeypatch.setattr(coded, "compressor", lambda _: made)
    await through(messages(pieces=[large, small, b"y"]), coding)
    assert in_main == [False, True, True]


@pytest.mark.parametrize("coding", CODINGS)
async def test_pieces_that_come_to_nothing_are_not_sent(coding: str) -> None:
    """A compressor keeps short pieces; an empty message would be a chunk more. The last one ends the answer."""
    start, *bodies = await through(messages(pieces=[b"a", b"b", b"", b"c"]), coding)
    assert start["headers"] == [(b"content-encoding", coding.encode()), (b"vary", b"Accept-Encoding")]
    assert [body["more_body"] for body in bodies] == [True] * (len(bodies) - 1) + [False]
    assert all(body["body"] for body in bodies)
    assert DECODERS[coding](b"".join(body["body"] for body in bodies)) == b"abc"


async def through(given: Iterable[dict[str, Any]], accepting: str) -> list[Any]:
    """Return what comes out when an application sends `given`."""
    sent: list[Any] = []

    async def application(_: object, __: object, send: Any) -> None:
        for message in given:
            await send(message)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"accept-encoding", accepting.encode())]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    attach(scope, Notes((b"", b"")))
    await Coded(application, 0)(scope, None, send)  # type: ignore[arg-type]
    return sent


def messages(*headers: tuple[bytes, bytes], pieces: list[bytes], status: int = 200) -> Iterator[dict[str, Any]]:
    """What an application sends."""
    yield {"type": "http.response.start", "status": status, "headers": list(headers)}
    for left, piece in zip(range(len(pieces) - 1, -1, -1), pieces, strict=True):
        yield {"type": "http.response.body", "body": piece, "more_body": left > 0}


@pytest.mark.parametrize(
    "header",
    [
        (b"content-encoding", b"deflate"),
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"private, no-transform"),
    ],
)
@pytest.mark.parametrize("pieces", [[b"x" * 5000], [b"x" * 5000, b"", b"y"]])
async def test_what_is_not_ours_to_code_goes_as_it_is(header: tuple[bytes, bytes], pieces: list[bytes]) -> None:
    """Coded already, events that have to go out at once, what must not be changed: message by message."""
    given = list(messages(header, (b"etag", b'"a"'), pieces=pieces))
    assert await through(given, "gzip") == given
