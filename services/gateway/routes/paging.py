"""Lists: one page through the cache, with its `Link` to the next (RFC 8288)."""

from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response

from services.gateway.read_path import Gateway
from shared.contracts.messages import Request as Message

A = TypeVar("A")


class _Page(msgspec.Struct):
    next_cursor: str | None = None


_PAGE = msgspec.json.Decoder(_Page)


async def page(gateway: Gateway, request: Request[Any, Any, Any], message: Message[A], obj: str) -> Response[Any]:
    """Answer a list: every page, filter and sort is a variant of its collection `obj`."""
    variant = msgspec.json.encode(message).decode()
    return with_next_link(request, await gateway.read(request, message, obj, variant))


def with_next_link(request: Request[Any, Any, Any], response: Response[Any]) -> Response[Any]:
    """Add `Link: <...>; rel="next"` to a page that has a next one."""
    if response.status_code == 200 and (cursor := _PAGE.decode(response.content).next_cursor):
        given = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        query = [(name, value) for name, value in given if name != "cursor"]
        path = request.scope["path"]
        response.headers["Link"] = f'<{path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'
    return response
