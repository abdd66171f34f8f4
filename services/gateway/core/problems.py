"""RFC 9457 problem documents, from this platform's errors and from the framework's."""

from collections.abc import Sequence

import msgspec

from shared.contracts.errors import InputError, ServiceError


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an error answer, `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: tuple[InputError, ...] = ()


# What the framework says of a missing body and of a text where it looks for a file, and what to say in its place.
_EMPTY_BODY = "'data'"
_NO_FILE = "Unsupported type: <class"


def problem_of(error: ServiceError, instance: str, request_id: str) -> Problem:
    """Return the document for an error of ours."""
    return Problem(
        type=f"/problems/{error.kind}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=instance,
        request_id=request_id,
        errors=error.errors,
    )


def pointer(source: str, key: str, message: str) -> str:
    """Return where an input error is: a JSON pointer into the body, or `/query/<name>`, `/path/<name>`."""
    named = _between_backticks(message) if "unknown field" in message or "missing required field" in message else ""
    parts = [part for part in key.replace("[", ".").replace("]", "").split(".") if part and part != "data"]
    if named:
        parts.append(named)
    prefix = [] if source == "body" else [source]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in prefix + parts)


def input_errors(extra: object) -> tuple[InputError, ...]:
    """Read the errors of the framework's validation: a list of {message, key, source}."""
    if not isinstance(extra, Sequence):
        return ()
    found = []
    for item in extra:
        if isinstance(item, dict):
            message = _plainly(str(item.get("message", "")))
            source = str(getattr(item.get("source"), "value", item.get("source", "body")))
            found.append(InputError(pointer(source, str(item.get("key", "")), message), message))
    return tuple(found)


def _plainly(message: str) -> str:
    if message == _EMPTY_BODY:
        return "the body is empty"
    return "send one file with a name" if message.startswith(_NO_FILE) else message


def _between_backticks(text: str) -> str:
    return text.split("`")[1] if text.count("`") >= 2 else ""
