"""Content codings: which one an Accept-Encoding header wants (RFC 9110, section 12.5.3), and the bytes in it.

What a header leaves in doubt is read as a refusal: of two weights for one coding the least counts, and a coding with a
weight that cannot be read is not sent. The plain bytes, which every client can read, are then wanted least.
"""

import re
import sys
import threading
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import brotli

from shared.contracts.errors import ServiceError

if sys.version_info >= (3, 14):
    from compression import zstd
    from compression.zstd import ZstdCompressor
else:
    from backports import zstd
    from backports.zstd import ZstdCompressor

IDENTITY: Final = ""
CODINGS: Final = ("zstd", "br", "gzip")
"""What we have, the best first: of those that a client wants as much, the first is given."""

# Chosen by the sum of CPU time and of the time on a line of 20 Mbit/s, for lists of strategies and equity curves:
# ARCHITECTURE.md, "Decisions". Level 1 of zstd needs a window of 512 kB, of the 8 MB that RFC 9659 lets a client have.
ZSTD_LEVEL: Final = 1
BROTLI_QUALITY: Final = 1
GZIP_LEVEL: Final = 5

# Headers that are remembered, with the longest of them: browsers and libraries send a handful, of some 30 letters.
_REMEMBERED = 256
_LONGEST = 256
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_MEMBER = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*(.*))?", re.DOTALL)
_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
# RFC 9110, section 8.4.1.3: the old name of gzip.
_SAME = {"x-gzip": "gzip"}
_IN_DOUBT = {**dict.fromkeys(CODINGS, 0), "identity": 1}


class NotAcceptable(ServiceError):
    """The client refuses the plain bytes and every coding of them that we have. Accept one."""

    kind = "not-acceptable"
    status = 406
    title = "No acceptable content coding"


class _Wish(NamedTuple):
    coding: str | None  # None: neither any of ours nor the plain bytes
    plain: bool  # whether the plain bytes may be sent


def choose(accept_encoding: str) -> str:
    """Return the coding to send a body in, IDENTITY for the plain bytes. Raises NotAcceptable.

    No header, or an empty one, is IDENTITY: who says nothing may be unable to read anything else. Several headers
    are to be joined with commas. The plain bytes are sent where the client wants them more than any coding of ours.
    """
    coding = _wish(accept_encoding).coding
    if coding is None:
        raise NotAcceptable("Accept-Encoding refuses identity, zstd, br and gzip, which is all there is: allow one")
    return coding


def choose_for(accept_encoding: str, size: int, minimum: int) -> str:
    """Return `choose`, or IDENTITY for a body of less than `minimum` bytes where the client takes it plain."""
    coding = choose(accept_encoding)
    return coding if size >= minimum or refuses_plain(accept_encoding) else IDENTITY


def refuses_plain(accept_encoding: str) -> bool:
    """Say whether the plain bytes must not be sent."""
    return not _wish(accept_encoding).plain


def compress(body: bytes, coding: str) -> bytes:
    """Return the whole body in a coding of CODINGS, or as it is for IDENTITY. The same bytes for the same body."""
    if coding == "zstd":
        return _zstd.compressor.compress(body, ZstdCompressor.FLUSH_FRAME)
    if coding == "br":
        coded: bytes = brotli.compress(body, quality=BROTLI_QUALITY)
        return coded
    if coding == "gzip":
        return zlib.compress(body, GZIP_LEVEL, wbits=_GZIP_WINDOW)
    if coding == IDENTITY:
        return body
    raise ValueError(f"{coding!r} is no coding of ours")


def decompress(body: bytes, coding: str) -> bytes:
    """Return what `compress` has put into a coding. Raises ValueError for bytes that are not that, whole and alone."""
    try:
        if coding == "zstd":
            return zstd.decompress(body)
        if coding == "br":
            plain: bytes = brotli.decompress(body)
            return plain
    except (zstd.ZstdError, brotli.error) as error:
        raise ValueError(f"not in {coding}: {error}") from error
    if coding == "gzip":
        return _unzipped(body)
    if coding == IDENTITY:
        return body
    raise ValueError(f"{coding!r} is no coding of ours")


class Compressor(Protocol):
    """A body on its way, piece by piece."""

    def add(self, piece: bytes) -> bytes:
        """Return what can be sent by now; nothing, mostly, for a short piece."""

    def end(self) -> bytes:
        """Return the rest."""


def compressor(coding: str) -> Compressor:
    """Return one for a coding of CODINGS."""
    makers: dict[str, Callable[[], Compressor]] = {"zstd": _Zstd, "br": _Brotli, "gzip": _Gzip}
    return makers[coding]()


def coded_tag(etag: str, coding: str) -> str:
    """Return the tag of the coded bytes: `"3-abc-gzip"` for `"3-abc"`. See etags, which ignore it when they compare."""
    return f'{etag[:-1]}-{coding}"' if coding and etag.endswith('"') else etag


def _unzipped(body: bytes) -> bytes:
    unzipping = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unzipping.decompress(body)
    except zlib.error as error:
        raise ValueError(f"not in gzip: {error}") from error
    if not unzipping.eof or unzipping.unused_data:
        raise ValueError("not in gzip: cut off, or with something behind it")
    return plain


def _wish(accept_encoding: str) -> _Wish:
    return (_remembered_wish if len(accept_encoding) <= _LONGEST else _wish_in)(accept_encoding)


def _wish_in(accept_encoding: str) -> _Wish:
    weights = _weights(accept_encoding)
    others = weights.get("*")
    plain = weights.get("identity", others)
    best, coding = 0, None
    for ours in CODINGS:
        weight = weights.get(ours, others or 0)
        if weight > best:
            best, coding = weight, ours
    if plain == 0:
        return _Wish(coding, plain=False)
    # Not named, the plain bytes are what is left when no coding can be.
    return _Wish(IDENTITY if coding is None or (plain or 0) > best else coding, plain=True)


_remembered_wish = lru_cache(_REMEMBERED)(_wish_in)


def _weights(accept_encoding: str) -> dict[str, int]:
    """Return what is named with its weight in thousandths, the least of those given."""
    weights: dict[str, int] = {}
    for member in accept_encoding.lower().split(","):
        named = _MEMBER.fullmatch(member.strip(" \t"))
        if named is None:
            continue
        name = _SAME.get(named[1], named[1])
        weight = _thousandths(named[2])
        if weight is None:
            weight = _IN_DOUBT.get(name)
        if weight is not None:
            weights[name] = min(weight, weights.get(name, weight))
    return weights


def _thousandths(parameters: str | None) -> int | None:
    """Return the weight that a member has; None for one that cannot be read."""
    if parameters is None:
        return 1000
    weight = _WEIGHT.fullmatch(parameters)
    return round(1000 * float(weight[1])) if weight else None


class _Contexts(threading.local):
    """A compressor for each thread: making one costs more than a small body does."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(ZSTD_LEVEL)


_zstd = _Contexts()


class _Zstd:
    def __init__(self) -> None:
        self._inner = ZstdCompressor(ZSTD_LEVEL)

    def add(self, piece: bytes) -> bytes:
        return self._inner.compress(piece)

    def end(self) -> bytes:
        return self._inner.flush()


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Compressor(quality=BROTLI_QUALITY)

    def add(self, piece: bytes) -> bytes:
        coded: bytes = self._inner.process(piece)
        return coded

    def end(self) -> bytes:
        coded: bytes = self._inner.finish()
        return coded


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def add(self, piece: bytes) -> bytes:
        return self._inner.compress(piece)

    def end(self) -> bytes:
        return self._inner.flush()
