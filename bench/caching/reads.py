"""The reads that are measured: what is asked for, and what must be answered."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from bench.caching.data import Data
from bench.caching.servers import Contender
from bench.serving import bare
from bench.serving.wrk import Expected
from cli.load.wire import Answer, Check, Request, WrongAnswer, get

ENCODINGS = "zstd, br, gzip"
_GZIP_HEAD = 10
"""Bytes at the start of gzip data; the moment of compression is among them."""
_OUR_CURSOR, _UNKNOWN = "next_cursor", "any"


@dataclass(frozen=True, slots=True)
class Read:
    """A read that is asked for over and over."""

    name: str
    path: str
    encodings: str = ""

    def headers(self, contender: Contender, data: Data) -> dict[str, str]:
        """What is sent with it."""
        accepted = {"Accept-Encoding": self.encodings} if self.encodings else {}
        return {**contender.headers(data), **accepted}


def reads_of(data: Data) -> list[Read]:
    """Return all: a strategy, a page of 50, an equity curve; the large ones also as a browser asks for them."""
    a_list = Read("list of 50", "/api/v1/strategies")
    curve = Read("equity curve", f"/api/v1/backtests/{data.backtest_id}/equity")
    return [
        Read("single strategy", f"/api/v1/strategies/{data.strategy_ids[0]}"),
        a_list,
        Read(f"{a_list.name}, compressed", a_list.path, ENCODINGS),
        curve,
        Read(f"{curve.name}, compressed", curve.path, ENCODINGS),
    ]


async def recorded(contender: Contender, read: Read, data: Data) -> bare.Answer:
    """Return what a contender answers, when it does so from its cache. Raises WrongAnswer."""
    async with httpx.AsyncClient() as client:
        for _ in range(20):
            url, headers = f"{contender.url}{read.path}", read.headers(contender, data)
            request = client.build_request("GET", url, headers={"Accept-Encoding": "identity", **headers})
            answer = await client.send(request, stream=True)
            body = b"".join([part async for part in answer.aiter_raw()])
            found = answer.headers.get("cache-status", "").startswith(contender.from_cache)
            if answer.status_code == 200 and found:
                return bare.Answer(200, [(name.lower(), value) for name, value in answer.headers.raw], body)
    raise WrongAnswer(f"{contender.name} does not answer {read.path} as {contender.from_cache!r}: {answer.headers}")


def expected(contender: Contender, answer: bare.Answer, folder: Path) -> Expected:
    """Return what each further answer must be."""
    file = folder / f"{contender.process.pid}.body"
    file.write_bytes(answer.body)
    coding = dict(answer.headers).get(b"content-encoding", b"")
    return Expected(file, contender.from_cache, _GZIP_HEAD if coding == b"gzip" else 0)


def agree(ours: bytes, theirs: bytes) -> None:
    """Raise WrongAnswer unless both are the same JSON; a cursor is its maker's own."""
    if _without_cursor(ours) != _without_cursor(theirs):
        raise WrongAnswer("the gateway and the monolith answer different things")


def _without_cursor(body: bytes) -> object:
    value = json.loads(body)
    if value.get(_OUR_CURSOR):
        value[_OUR_CURSOR] = _UNKNOWN
    return value


async def misses(contender: Contender, data: Data, name: str, number: int) -> list[Request]:
    """Return so many requests that nobody has made before, so that each must be a miss.

    A strategy is asked for by another id each time, a page by another cursor, a curve by another limit above its
    length. What is stored for them is never asked for again.
    """
    headers = contender.headers(data)
    match name:
        case "single strategy":
            ids = data.strategy_ids[1 : number + 1]  # the first is what hits are measured with
            return [get(f"/api/v1/strategies/{each}", _missed(contender, each), headers) for each in ids]
        case "list of 50":
            paths = [f"/api/v1/strategies?cursor={each}" for each in await _cursors(contender, data, number)]
        case _:
            paths = [f"/api/v1/backtests/{data.backtest_id}/equity?points={20_000 + each}" for each in range(number)]
    return [get(path, _missed(contender, '{"items":['), headers) for path in paths]


def _missed(contender: Contender, part: str) -> Check:
    def check(answer: Answer) -> None:
        # A cache server that did not answer in time was gone past: a miss as well, only slower.
        hit = "; hit" in answer.headers.get("cache-status", "")
        if answer.status != 200 or hit or part.encode() not in answer.body[:200]:
            raise WrongAnswer(f"{contender.name}: {answer.status} {answer.headers} {answer.body[:200]!r}")

    return check


async def _cursors(contender: Contender, data: Data, number: int) -> list[str]:
    """One behind each of so many of the first strategies, as it stands in a URL."""
    found: list[str] = []
    async with httpx.AsyncClient(base_url=contender.url, headers=contender.headers(data)) as client:
        while len(found) < number:
            cursor = f"&cursor={found[-1]}" if found else ""
            answer = await client.get(f"/api/v1/strategies?limit=1{cursor}")
            if answer.status_code != 200:
                raise WrongAnswer(f"{contender.name}: {answer.status_code} {answer.text}")
            found.append(quote(answer.json()["next_cursor"], safe=""))
    return found


def always(contender: Contender, answer: bare.Answer) -> Check:
    """Return the check that an answer is the recorded one, by its status and length; wrk compares the bytes."""

    def check(found: Answer) -> None:
        if found.status != 200 or len(found.body) != len(answer.body):
            raise WrongAnswer(f"{contender.name}: {found.status}, {len(found.body)} bytes, not {len(answer.body)}")

    return check
