"""Entity tags and preconditions (RFC 9110, sections 8.8.3 and 13.1)."""

import hashlib
import re

import msgspec

_TAG = re.compile(r'(W/)?"([^"]*)"')
# What a content coding appends inside the quotes; the tag means the same resource state without it.
_CODING = re.compile(r"-(?:gzip|br|zstd)$")


class _Revised(msgspec.Struct):
    revision: int = 0


_REVISED = msgspec.json.Decoder(_Revised)


def etag_of(body: bytes) -> str:
    """Return the strong tag of a body: its `revision` if it is JSON that has one, then a digest of its bytes."""
    digest = hashlib.sha256(body).hexdigest()[:16]
    revision = _REVISED.decode(body).revision if body.startswith(b"{") else 0
    return f'"{revision}-{digest}"' if revision else f'"{digest}"'


def matches(header: str, etag: str, *, strongly: bool = False) -> bool:
    """Say whether a header names `etag`, or is `*`; weak tags count in If-None-Match, not `strongly` in If-Match."""
    named = [_plain(tag) for weak, tag in _TAG.findall(header) if not (weak and strongly)]
    return header.strip() == "*" or _opaque(etag) in named


def revisions(header: str) -> tuple[int, ...] | None:
    """Return the revisions an If-Match header allows; None for no header or `*`, which allow any.

    A tag this API did not give out allows none, so that the comparison fails rather than the header being ignored;
    neither does a weak one, which this header compares as different from every tag.
    """
    if not header or header.strip() == "*":
        return None
    heads = [tag.partition("-")[0] for weak, tag in _TAG.findall(header) if not weak]
    return tuple(int(head) for head in heads if head.isdecimal() and len(head) < 10)


def _opaque(etag: str) -> str:
    return _plain(etag.removeprefix("W/").strip('"'))


def _plain(tag: str) -> str:
    return _CODING.sub("", tag)
