"""The short way to a cached answer: a read that its route has answered before is answered again without the route.

What a route made of a question (who asks, path, query, Accept) is remembered: the object, the variant, and which
headers it gives. It is remembered only if this module makes the same headers of the same entry, so that nobody can tell
the ways apart. Whatever could make a difference, or is not in the cache, goes the long way.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

from faststream.asgi.types import Scope

from services.gateway.auth import Authenticator
from services.gateway.coded import compressed
from services.gateway.core.coded_headers import coded_headers, value_of
from services.gateway.core.codings import IDENTITY, NotAcceptable, choose_for
from services.gateway.core.etags import matches
from services.gateway.core.next_link import next_link
from services.gateway.notes import CachedRead, LookedUp, Notes
from services.gateway.read_path import STATUS, asks_past_caches, read_headers, versions_of
from shared.cache.local import Held, Key
from shared.cache.reading import CachedReads, Source
from shared.cache.record import Entry
from shared.cache.results import Hit
from shared.cache.tokens import InvalidToken
from shared.contracts.values import Principal
from shared.runtime.timings import Series, Timings

Header = tuple[bytes, bytes]
Headers = Sequence[Header]

REMEMBERED: Final = 10_000
LONGEST: Final = 2048
"""Bytes of a question that is remembered, so that all of them together take some 20 MB."""
LONGEST_WISH: Final = 256
"""Bytes of an Accept-Encoding for which an answer is kept ready; browsers send 30."""

# With one of these the long way decides.
_STEERING: Final = frozenset(
    (
        *(b"origin", b"range", b"prefer", b"expect", b"upgrade"),
        *(b"if-match", b"if-range", b"if-modified-since", b"if-unmodified-since"),
        *(b"content-length", b"content-type", b"transfer-encoding"),
    )
)
# An answer without a body says nothing of it, and no page of a list leads on from it.
_OF_THE_BODY: Final = frozenset((b"content-length", b"content-type", b"content-encoding", b"link"))

L1: Final[Source] = "l1"
L2: Final[Source] = "l2"

Question = tuple[str, str, str, bytes, bytes]
"""Who asks and with which role, which routes may let in or not; path, query, Accept."""


class Ready:
    """An entry as it is sent: the headers of 200 and of 304, but for those that each answer has of its own."""

    __slots__ = ("body", "etag", "modified", "unmodified")

    def __init__(self, etag: bytes, modified: list[Header], unmodified: list[Header], body: bytes) -> None:
        self.etag = etag
        self.modified = modified
        self.unmodified = unmodified
        self.body = body

    @classmethod
    def of(cls, headers: list[Header], body: bytes) -> "Ready":
        """Return one for the headers of its 200."""
        unmodified = [header for header in headers if header[0] not in _OF_THE_BODY]
        return cls(value_of(headers, b"etag").encode("latin-1"), headers, unmodified, body)

    def with_body(self, body: bytes) -> "Ready":
        """Return the same headers with a body."""
        return Ready(self.etag, self.modified, self.unmodified, body)


class Known:
    """What a route made of one question. `series` are the histograms of its answers, by method and status."""

    __slots__ = ("_said", "key", "linked", "path", "query", "route", "series", "vary")

    def __init__(self, read: CachedRead, scope: Scope, route: str, vary: str) -> None:
        self.key = (read.obj, read.variant)
        self.linked = read.linked
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.route = route
        self.vary = vary
        self.series: dict[tuple[str, int], Series] = {}
        self._said: tuple[tuple[str, Source, str], Ready] | None = None

    def ready(self, entry: Entry, source: Source, coding: str, body: bytes) -> Ready:
        """Return what the route answers with for an entry whose bytes in `coding` are `body`.

        The headers are those of the last time if the tag, which is of the bytes, is.
        """
        said = entry.etag, source, coding
        if self._said is None or self._said[0] != said:
            self._said = said, Ready.of(self.headers(entry, source, coding, len(body)), b"")
        return self._said[1].with_body(body)

    def headers(self, entry: Entry, source: Source, coding: str, length: int) -> list[Header]:
        """Return what the route answers with for an entry whose bytes in `coding` are of this length."""
        named = {**read_headers(entry.etag, STATUS[source]), "Vary": self.vary, "Content-Type": entry.media_type}
        if self.linked and (link := next_link(self.path, self.query, entry.body)):
            named["Link"] = link
        plain = [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()]
        return coded_headers(plain, coding, length)


Asked = tuple[Known, Principal, str, Mapping[bytes, bytes], int]
"""A request like one that was answered before: what is known, who asks, method and headers, the least version."""
Sent = tuple[int, list[Header], bytes, Series]
"""An answer, but for the headers that each has of its own: its status, its headers, its body, where it is counted."""


class HitPath:
    """Remembers questions and answers them. One for a process; bodies of less than `minimum` bytes stay plain."""

    def __init__(self, reads: CachedReads, authenticator: Authenticator, timings: Timings, minimum: int) -> None:
        self._reads = reads
        self._local = reads.local
        self._authenticator = authenticator
        self._timings = timings
        self._minimum = minimum
        self._known: OrderedDict[Question, Known] = OrderedDict()
        self._coding: dict[tuple[Held, str], asyncio.Task[None]] = {}

    def recognise(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Asked | None:
        """Return what is asked, if that was asked before and nothing else matters; `headers` are the request's.

        This and `answer_at_once` are what almost every read costs: what can be done before is not done here.
        """
        method = scope["method"]
        if (method != "GET" and method != "HEAD") or not _alone(scope, headers):  # noqa: PLR1714  # twice as fast
            return None
        principal = self._authenticator.known(headers.get(b"authorization", b""))
        if principal is None:
            return None
        known = self._known.get(_question(principal, scope, headers))
        if known is None:
            return None
        if b"cache-control" in headers and asks_past_caches(headers[b"cache-control"].decode("latin-1")):
            return None
        least = 0
        if b"consistency-token" in headers:
            try:
                least = versions_of(headers[b"consistency-token"].decode("latin-1")).get(known.key[0], 0)
            except InvalidToken:
                return None
        return known, principal, method, headers, least

    def answer_at_once(self, asked: Asked, now: float) -> Sent | None:
        """Return the answer if this process holds it ready to be sent."""
        known, principal, _, headers, least = asked
        held = self._local.serve(known.key, least, now)
        if held is None or now >= held.refresh_at or held.entry.owner != principal.user_id:
            return None
        ready: Ready | None = held.ready.get((known, headers.get(b"accept-encoding", b"")))
        if ready is None:
            return None
        held.counts.hits += 1
        return self._sent(asked, held.entry, ready)

    async def answer(self, asked: Asked, now: float, notes: Notes) -> Sent | LookedUp:
        """Return the answer if one of the caches gives it, else what they said, for the long way to go on with."""
        known, principal, _, headers, least = asked
        looked = self._local.get(known.key, least, now) or await self._reads.find(*known.key, least)
        looked_at = time.perf_counter()
        notes.spent("cache", looked_at - now)
        unanswered = LookedUp(known.key, least, looked)
        if isinstance(looked, Held):
            entry, source, due = looked.entry, L1, now >= looked.refresh_at
        elif isinstance(looked, Hit):
            entry, source, due = looked.entry, L2, self._reads.is_due(known.key[0], looked.entry)
        else:
            return unanswered
        # The long way refuses what is another's, answers what is no body, and has made anew what ends soon.
        if due or entry.status != 200 or entry.owner != principal.user_id:
            return unanswered
        accepted = headers.get(b"accept-encoding", b"")
        try:
            coding = choose_for(accepted.decode("latin-1"), len(entry.body), self._minimum)
        except NotAcceptable:
            return unanswered
        body = entry.body
        if coding != IDENTITY:
            body = await self._coded(known.key, entry, coding)
            notes.spent("coding", time.perf_counter() - looked_at)
        ready = known.ready(entry, source, coding, body)
        if isinstance(looked, Held) and len(accepted) <= LONGEST_WISH:
            self._local.prepared(looked, (known, accepted), ready)
        return self._sent(asked, entry, ready)

    def learn(self, scope: Scope, headers: Mapping[bytes, bytes], notes: Notes, route: str, answered: Headers) -> None:
        """Remember a question that its route has just answered with 200 and the headers `answered`."""
        read, principal = notes.cached_read, notes.principal
        if read is None or principal is None or not _alone(scope, headers):
            return
        question = _question(principal, scope, headers)
        if question in self._known or sum(len(part) for part in question) > LONGEST:
            return
        known = Known(read, scope, route, value_of(answered, b"vary"))
        coding, length = value_of(answered, b"content-encoding"), int(value_of(answered, b"content-length") or 0)
        if _comparable(known.headers(read.entry, L1, coding, length)) != _comparable(answered):
            return
        self._known[question] = known
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _sent(self, asked: Asked, entry: Entry, ready: Ready) -> Sent:
        known, _, method, headers, _ = asked
        wanted = headers.get(b"if-none-match")
        if wanted is not None and (wanted == ready.etag or matches(wanted.decode("latin-1"), entry.etag)):
            return 304, ready.unmodified, b"", self._series(known, method, 304)
        return 200, ready.modified, ready.body if method == "GET" else b"", self._series(known, method, 200)

    async def _coded(self, key: Key, entry: Entry, coding: str) -> bytes:
        """Return the entry's bytes in a coding, made once while this process holds the entry."""
        held = self._local.peek(key)
        if held is None or held.entry is not entry:
            return await compressed(entry.body, coding)
        if coding not in held.coded:
            place = held, coding
            if place not in self._coding:
                self._coding[place] = asyncio.create_task(self._code(held, coding))
            await asyncio.shield(self._coding[place])  # one who leaves takes it from nobody
        return held.coded[coding]

    async def _code(self, held: Held, coding: str) -> None:
        try:
            self._local.coded(held, coding, await compressed(held.entry.body, coding))
        finally:
            del self._coding[held, coding]

    def _series(self, known: Known, method: str, status: int) -> Series:
        series = known.series.get((method, status))
        if series is None:
            series = self._timings.http_series(method=method, route=known.route, status=str(status))
            known.series[method, status] = series
        return series


def _question(principal: Principal, scope: Scope, headers: Mapping[bytes, bytes]) -> Question:
    accept = headers.get(b"accept", b"")
    return principal.user_id, principal.role, scope["path"], scope["query_string"], accept


def _alone(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Say whether no header came twice and none wants more than a plain read."""
    return len(headers) == len(scope["headers"]) and _STEERING.isdisjoint(headers)


def _comparable(headers: Headers) -> list[Header]:
    return sorted(header for header in headers if header[0] != b"cache-status")
