"""The `Link` from one page of a list to the next (RFC 8288)."""

from urllib.parse import parse_qsl, urlencode

import msgspec


class _Page(msgspec.Struct):
    next_cursor: str | None = None


_PAGE = msgspec.json.Decoder(_Page)


def next_link(path: str, query: bytes, body: bytes) -> str:
    """Return the header for a page of JSON that was asked for by this path and query; empty for the last one."""
    cursor = _PAGE.decode(body).next_cursor
    if not cursor:
        return ""
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in given if name != "cursor"]
    return f'<{path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
