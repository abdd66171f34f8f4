"""RFC 9457 problem documents, from this platform's errors and from the framework's."""

from collections.abc import Mapping, Sequence

import msgspec

from services.gateway.core.choices import choices
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


# What the framework says, and what to say in its place.
_PLAINLY = {
    "'data'": "the body is empty",
    "Unsupported type: <class": "send one file with a name",
    "Invalid RFC3339 encoded date": "write a date such as 2024-01-31",
}
_NO_CHOICE = "Invalid enum value "


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


def input_errors(extra: object, kinds: Mapping[str, object] | None = None) -> tuple[InputError, ...]:
    """Read the errors of the framework's validation: a list of {message, key, source}.

    `kinds` are the types of the route's parameters, of which the body is `data`.
    """
    if not isinstance(extra, Sequence):
        return ()
    found = []
    for item in extra:
        if isinstance(item, dict):
            said, key = str(item.get("message", "")), str(item.get("key", ""))
            source = str(getattr(item.get("source"), "value", item.get("source", "body")))
            name, path = ("data", key.split(".")) if source == "body" else (key, [])
            message = _plainly(said, (kinds or {}).get(name), path)
            found.append(InputError(pointer(source, key, message), message))
    return tuple(found)


def _plainly(said: str, kind: object, path: Sequence[str]) -> str:
    if said.startswith(_NO_CHOICE) and kind is not None:
        return f"{said.removeprefix(_NO_CHOICE)} is none of these: {', '.join(choices(kind, path))}"
    return next((plain for start, plain in _PLAINLY.items() if said.startswith(start)), said)


def _between_backticks(text: str) -> str:
    return text.split("`")[1] if text.count("`") >= 2 else ""
