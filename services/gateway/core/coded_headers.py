"""The headers of an answer whose body is sent in a content coding, or could have been (RFC 9110, sections 8.4, 8.8)."""

from collections.abc import Sequence
from typing import Final

from services.gateway.core.codings import IDENTITY, choose, choose_for, coded_tag, refuses_plain
from services.gateway.core.table_forms import MEDIA_TYPES

Header = tuple[bytes, bytes]
Headers = Sequence[Header]

# Compressed inside: coded once more it is as long as before (1.000 by zstd, 0.985 by gzip). Arrow is not: 0.37.
_COMPACT: Final = frozenset({MEDIA_TYPES["parquet"]})
# Each event has to go out at once, which a compressor would hold back.
_LIVE: Final = frozenset({"text/event-stream"})
# What is said of the plain bytes and not of the coded ones, and what is made anew.
_OF_PLAIN: Final = frozenset({b"content-length", b"etag", b"vary"})


def accept_encoding(headers: Headers) -> str:
    """Return a request's Accept-Encoding, all of them in one."""
    return ",".join(value.decode("latin-1") for name, value in headers if name == b"accept-encoding")


def may_be_coded(status: int, headers: Headers) -> bool:
    """Say whether an answer's bytes are for us to code: they are there, plain, finite and may be changed."""
    return (
        status >= 200
        and status not in {204, 205, 206}
        and not value_of(headers, b"content-encoding")
        and media_type(headers) not in _LIVE
        and "no-transform" not in value_of(headers, b"cache-control").lower()
    )


def coding_for(accepted: str, headers: Headers, size: int | None, minimum: int) -> str:
    """Return the coding for an answer of `size` bytes, None for one whose end is not known. Raises NotAcceptable."""
    if media_type(headers) in _COMPACT and not refuses_plain(accepted):
        return IDENTITY
    return choose(accepted) if size is None else choose_for(accepted, size, minimum)


def coded_headers(headers: Headers, coding: str, length: int | None) -> list[Header]:
    """Return an answer's headers for `coding` and, if known, the length of its coded bytes.

    Vary names Accept-Encoding even for the plain bytes: others would have got others.
    """
    kept = [header for header in headers if header[0] not in _OF_PLAIN]
    if etag := value_of(headers, b"etag"):
        kept.append((b"etag", coded_tag(etag, coding).encode("latin-1")))
    if coding:
        kept.append((b"content-encoding", coding.encode()))
    if length is not None:
        kept.append((b"content-length", str(length).encode()))
    return [*kept, (b"vary", _varied(value_of(headers, b"vary")).encode("latin-1"))]


def media_type(headers: Headers) -> str:
    """Return an answer's media type without its parameters, empty for none."""
    return value_of(headers, b"content-type").partition(";")[0].strip().lower()


def value_of(headers: Headers, name: bytes) -> str:
    """Return what headers of a name, in lower case, say together; empty for none."""
    return ", ".join(value.decode("latin-1") for given, value in headers if given == name)


def _varied(vary: str) -> str:
    names = [name.strip() for name in vary.split(",") if name.strip()]
    if "*" in names or "accept-encoding" in (name.lower() for name in names):
        return vary
    return ", ".join([*names, "Accept-Encoding"])
