"""Lists: one page through the cache, with its `Link` to the next (RFC 8288)."""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from services.gateway.core.next_link import next_link
from services.gateway.notes import notes_of
from services.gateway.read_path import Gateway
from shared.contracts.messages import Request as Message

A = TypeVar("A")


async def page(gateway: Gateway, request: Request[Any, Any, Any], message: Message[A], obj: str) -> Response[Any]:
    """Answer a list: every page, filter and sort is a variant of its collection `obj`."""
    variant = msgspec.json.encode(message).decode()
    return with_next_link(request, await gateway.read(request, message, obj, variant))


def with_next_link(request: Request[Any, Any, Any], response: Response[Any]) -> Response[Any]:
    """Add `Link: <...>; rel="next"` to a page that has a next one."""
    if (read := notes_of(request).cached_read) is not None:
        read.linked = True
    if response.status_code == 200:
        scope = request.scope
        if link := next_link(scope["path"], scope["query_string"], response.content):
            response.headers["Link"] = link
    return response
