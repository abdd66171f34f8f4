"""Refuses what a route does not know before its handler runs: query parameters, media types."""

from urllib.parse import parse_qsl

from litestar.handlers import BaseRouteHandler

from services.gateway.notes import Connection
from services.gateway.problems import UnsupportedMedia
from shared.contracts.errors import InputError, Malformed

_JSON_TYPES = ("application/json", "application/merge-patch+json")


def known_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Raise Malformed for a query parameter that the handler does not take, or one given twice."""
    if not connection.scope["query_string"]:
        return
    known = handler.parsed_fn_signature.parameters.keys() - {"request", "data"}
    seen: set[str] = set()
    for name, _ in parse_qsl(connection.scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name not in known or name in connection.path_params:
            raise Malformed(
                f"There is no query parameter {name}", errors=(InputError(f"/query/{name}", "unknown parameter"),)
            )
        if name in seen:
            raise Malformed(f"{name} is given twice", errors=(InputError(f"/query/{name}", "given twice"),))
        seen.add(name)


def json_body(connection: Connection, _: BaseRouteHandler) -> None:
    """Raise UnsupportedMedia for a body that is not said to be JSON."""
    media = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _JSON_TYPES:
        raise UnsupportedMedia(f"Send the body as application/json, not {media or 'without a Content-Type'}")
