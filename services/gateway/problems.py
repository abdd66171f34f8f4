"""Turns every exception into a problem document; nothing internal ever leaves."""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from services.gateway.core.problems import Problem, input_errors, problem_of
from services.gateway.notes import Failure, notes_of
from shared.contracts.errors import (
    Forbidden,
    Malformed,
    NotFound,
    ServiceError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.runtime.logs import because

PROBLEM_JSON = "application/problem+json"

# What any route may answer besides its success, for the OpenAPI document.
PROBLEMS = {
    status: ResponseSpec(Problem, media_type=PROBLEM_JSON, description=description, generate_examples=False)
    for status, description in (
        (400, "The request cannot be read"),
        (401, "Nobody valid is asking"),
        (404, "No such resource, or not the caller's"),
        (406, "Accept-Encoding refuses zstd, br, gzip and identity"),
        (409, "The state does not allow it"),
        (412, "If-Match names a revision that is no longer current"),
        (413, "The body is too large"),
        (415, "The body is not of the media type this route reads"),
        (422, "The request was read and is not valid"),
        (429, "The caller has as much as it may have; try again after Retry-After, or end some of it"),
        (503, "Something needed is away, or has too much to do; answered at once, try again after Retry-After"),
        (504, "No answer in time"),
    )
}

ADMIN_PROBLEMS = {
    403: ResponseSpec(Problem, media_type=PROBLEM_JSON, description="Not an administrator", generate_examples=False),
    **PROBLEMS,
}


class MethodNotAllowed(ServiceError):
    """The resource is there, this method is not."""

    kind = "method-not-allowed"
    status = 405
    title = "Method not allowed"


class UnsupportedMedia(ServiceError):
    """The body is of a media type this route does not read."""

    kind = "unsupported-media"
    status = 415
    title = "Unsupported media type"


class CodedBody(UnsupportedMedia):
    """The body is in a content coding; none is read. Send it without."""


class Overloaded(Unavailable):
    """There is more to do than can be done. Try again after `retry_after` seconds."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    error.status: error
    for error in (Malformed, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, TooLarge, UnsupportedMedia)
}


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer with the problem document of `error`, and the headers its status asks for."""
    ours = _translate(error, request)
    if ours.status >= 500 and not isinstance(ours, Overloaded):  # that is told once, not by every refusal
        notes_of(request).failure = _failure(ours, error)
    headers = {}
    if cache_status := notes_of(request).cache_status:
        headers["Cache-Status"] = cache_status
    if isinstance(ours, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="aurelius"'
    if ours.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(ours.retry_after)))
    if isinstance(ours, CodedBody):
        headers["Accept-Encoding"] = "identity"  # RFC 9110, section 15.5.16
    if isinstance(error, HTTPException) and error.headers and "allow" in error.headers:
        headers["Allow"] = _with_head(error.headers["allow"])
    problem = problem_of(ours, request.scope["path"], notes_of(request).request_id)
    return Response(msgspec.json.encode(problem), status_code=ours.status, media_type=PROBLEM_JSON, headers=headers)


def _translate(error: Exception, request: Request[Any, Any, Any]) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, ValidationException):
        parameters = request.route_handler.parsed_fn_signature.parameters
        errors = input_errors(error.extra, {name: each.annotation for name, each in parameters.items()})
        detail = "; ".join(f"{item.pointer or '/'}: {item.message}" for item in errors) or error.detail
        return Malformed(detail, errors=errors)
    if _is_of_the_body(error):
        notes_of(request).failure = Failure(logging.INFO, f"the body cannot be read: {error!r}", None)
        return Malformed("The body cannot be read: it is cut off, nested too deeply, or not in the charset it names")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _BY_STATUS.get(error.status_code, Malformed)(error.detail)
    if isinstance(error, HTTPException) and error.status_code == 503:
        return Unavailable(error.detail)
    return ServiceError("Something went wrong on our side")


def _failure(ours: ServiceError, error: Exception) -> Failure:
    """An error of ours that came from a service has been logged there; what nobody expected is told in full."""
    if error is ours:
        return Failure(logging.WARNING, f"{ours.detail}{because(ours)}", None)
    return Failure(logging.ERROR, ours.detail, error)


def _with_head(allow: str) -> str:
    """Return an Allow header in one order, with the HEAD that the edge answers wherever there is a GET."""
    methods = {method.strip() for method in allow.split(",")}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _is_of_the_body(error: Exception) -> bool:
    """Say whether the framework, which means a 500 by all of these, could not read what the client sent."""
    cut_off = isinstance(error, InternalServerException) and error.detail == "client disconnected prematurely"
    # A plain LookupError is what Python raises for a charset nobody knows; its own subclasses are other errors.
    return cut_off or isinstance(error, RecursionError | UnicodeDecodeError) or type(error) is LookupError
