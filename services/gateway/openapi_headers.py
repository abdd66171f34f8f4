"""In the OpenAPI document, the headers that requests may carry and answers have, and the answers that they lead to.

A route's handler gives and takes most of them by way of what all have in common (`read_path`, `paging`, `waiting`), so
that it is said here, by what kind of operation it is, rather than at each.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.gateway.core.prefer import MAX_WAIT
from services.gateway.problems import PROBLEM_JSON
from services.gateway.read_path import TOKEN

Operation = dict[str, Any]

_API = "/api/v1"
# What is done to the platform itself: nothing of it is cached, and it changes nothing that a token could name.
_ADMINISTRATION = f"{_API}/admin/"
# What a caller reads past the cache; docs/cached-routes.md says why.
_UNCACHED = frozenset(
    f"{_API}{path}"
    for path in (
        "/strategies/{strategy_id}/prefix-test",
        "/indicators",
        "/backtests/{backtest_id}/report",
    )
)
# What changes nothing that a token could name, or answers secrets.
_NO_WRITES = frozenset(f"{_API}{path}" for path in ("/auth/login", "/auth/refresh", "/strategies/validate"))
# Refused before anything is looked up.
_BEFORE_THE_CACHE = frozenset({"401", "406"})
_DOWN = {"/health": "The system is down", "/health/ready": "This process cannot serve"}


def complete(document: Mapping[str, Any]) -> None:
    """Put into the document what it does not say of itself. Done twice, it is as done once."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in _request_headers(path, method, operation):
                _add(operation, parameter)
            _answers(path, method, operation["responses"])
            for status, answer in operation["responses"].items():
                headers = dict(_response_headers(path, method, operation, status))
                if headers:
                    answer["headers"] = {**answer.get("headers", {}), **headers}


def _request_headers(path: str, method: str, operation: Operation) -> Iterator[Operation]:
    if operation.get("security"):
        yield _parameter(TOKEN, _SEND_TOKEN if method == "get" else _SEND_TOKEN_TO_A_WRITE, {"type": "string"})
    if _is_tagged_read(path, method):
        yield _parameter("If-None-Match", _IF_NONE_MATCH, {"type": "string"})
        yield _parameter("If-Match", _READ_IF_MATCH, {"type": "string"})
    if _is_cached(path, method):
        yield _parameter("Cache-Control", _NO_CACHE, {"type": "string", "enum": ["no-cache"]})
    if _is_conditional(path, method):
        yield _parameter("If-Match", _IF_MATCH, {"type": "string"})
    if "202" in operation["responses"]:
        yield _parameter("Prefer", _PREFER, {"type": "string", "pattern": r"wait=\d+"})


def _answers(path: str, method: str, responses: Operation) -> None:
    """Add the answers without a body, and those of health; take away what cannot be answered."""
    if _is_tagged_read(path, method):
        responses["304"] = {"description": "`If-None-Match` names what would be answered: the client has it already"}
        responses["412"] = responses["412"] | {"description": "`If-Match` does not name what would be answered"}
    elif not _is_conditional(path, method):
        responses.pop("412", None)
    if "204" in responses:
        responses["204"].pop("content", None)
    if path in _DOWN:
        responses["503"] = {"description": _DOWN[path], "content": responses["200"]["content"]}
    if path == "/metrics":
        schema = {"$ref": "#/components/schemas/Problem"}
        responses["503"] = {"description": "No figures come", "content": {PROBLEM_JSON: {"schema": schema}}}


def _response_headers(path: str, method: str, operation: Operation, status: str) -> Iterator[tuple[str, Operation]]:
    is_success = status.startswith("2")
    if status == "401":
        yield "WWW-Authenticate", _header("The scheme to authenticate with", {"type": "string"}, required=True)
    if status in {"429", "503"} and path not in _DOWN:
        yield (
            "Retry-After",
            _header("Seconds after which to try again", {"type": "integer", "minimum": 1}, required=True),
        )
    if _is_tagged_read(path, method) and (is_success or status == "304"):
        yield "ETag", _header(_ETAG, {"type": "string"}, required=True)
        yield "Cache-Control", _header(_REVALIDATED, {"type": "string"}, required=True)
        yield "Vary", _header("What else of the request the answer goes by", {"type": "string"}, required=True)
    if _is_cached(path, method) and status not in _BEFORE_THE_CACHE:
        yield "Cache-Status", _header(_CACHE_STATUS, {"type": "string"})
    if is_success and any(each["name"] == "cursor" for each in operation.get("parameters", [])):
        yield "Link", _header(_LINK, {"type": "string"})
    if status == "202" and path.startswith(_ADMINISTRATION):
        yield "Location", _header(_PLACE, _REFERENCE, required=True)
    if is_success and _is_write(path, method):
        yield from _headers_of_a_write(operation, status)


def _headers_of_a_write(operation: Operation, status: str) -> Iterator[tuple[str, Operation]]:
    yield TOKEN, _header(_TOKEN, {"type": "string"}, required=True)
    if status != "204":
        yield "ETag", _header(_ETAG, {"type": "string"}, required=True)
    if status in {"201", "202"} or "202" in operation["responses"]:
        yield "Location", _header(_PLACE, _REFERENCE, required=True)
    if "202" in operation["responses"]:
        yield "Preference-Applied", _header("`wait=N`, if it was waited", {"type": "string"})


def _is_tagged_read(path: str, method: str) -> bool:
    return method == "get" and path.startswith(_API)


def _is_cached(path: str, method: str) -> bool:
    return _is_tagged_read(path, method) and path not in _UNCACHED and not path.startswith(_ADMINISTRATION)


def _is_write(path: str, method: str) -> bool:
    if method == "get" or not path.startswith(_API) or path.startswith(_ADMINISTRATION):
        return False
    return path not in _NO_WRITES


def _is_conditional(path: str, method: str) -> bool:
    return method in {"patch", "put", "delete"} and _is_write(path, method)


def _add(operation: Operation, parameter: Operation) -> None:
    others = [each for each in operation.get("parameters", []) if each["name"] != parameter["name"]]
    operation["parameters"] = [*others, parameter]


def _parameter(name: str, description: str, schema: Operation) -> Operation:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _header(description: str, schema: Operation, *, required: bool = False) -> Operation:
    return {"description": description, "required": required, "schema": schema}


_PLACE, _REFERENCE = "Where it is", {"type": "string", "format": "uri-reference"}
_LATER = "Seconds after which to try again"
_SEND_TOKEN = "The token of a write: what is answered is never older than that write left it"  # noqa: S105  # no secret
_SEND_TOKEN_TO_A_WRITE = "The token of earlier writes: the one that is answered names what they did too"  # noqa: S105
_TOKEN = "Sent with a read, it makes sure that the read sees this write"  # noqa: S105
_IF_NONE_MATCH = "The `ETag` of what the client has, in any content coding, or several, or `*`"
_IF_MATCH = "The `ETag` of what is to be changed, or several, or `*`; 412 when it has changed since"
_READ_IF_MATCH = (
    "The `ETag` of what is to be answered, in any content coding, or several, or `*`; 412 when it is another"
)
_NO_CACHE = "`no-cache` goes past every cache"
_PREFER = f"`wait=N` answers 200 when it ends within N seconds, {MAX_WAIT} at most"
_ETAG = "A strong tag of these very bytes; a suffix `-gzip`, `-br` or `-zstd` tells their content coding"
_REVALIDATED = "`private, no-cache`: kept by the client alone, and asked for again before each use"
_CACHE_STATUS = (
    "Where it came from (RFC 9211): `aurelius-l1; hit`, `aurelius-l2; hit`, or from the service, `fwd=uri-miss` or "
    "`fwd=bypass`, with `fwd-status=200` where that is not what is sent; absent from what is refused without a look at "
    "the cache, and from a table that comes as a file"
)
_LINK = 'The next page, `<...>; rel="next"`, while there is one'
