"""What makes two requests the same one, and what somebody who repeats a request is told."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping

import msgspec

from shared.contracts.errors import KeyReused, StillInProgress
from shared.contracts.request import Request

REQUEST_SECONDS = 3600.0
"""For so long after it was made a request is known by its id, and answered as before; older ones are refused."""
KEY_SECONDS = 86_400.0
"""The same of a request with an Idempotency-Key."""
SPARE_SECONDS = 300.0
"""What is recorded stays for so much longer: the clocks of those who make requests and of the database differ."""
FRESH_SECONDS = 0.5
"""Nobody takes a request from another process sooner: one so young was not given to any before."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a request: who makes or made it, and the answer once there is one (`body` is its JSON)."""

    request_id: str
    fingerprint: bytes | None
    body: bytes | None
    versions: dict[str, int] | None


def age_seconds(request_id: str, now: float) -> float:
    """Seconds from the making of an id to `now`, Unix time; 0 for an id that tells no time (it is no UUIDv7)."""
    try:
        made = uuid.UUID(request_id)
    except ValueError:
        return 0.0
    return now - (made.int >> 80) / 1000 if made.version == 7 else 0.0


def scope_of(owner: str, message: Request[object], key: str) -> str:
    """Return under what the answer to a request with an Idempotency-Key is recorded.

    A message's method and the `id` in it are the method and the path of the HTTP request that it came of.
    """
    parts = [owner, message.METHOD, getattr(message, "id", ""), key]
    return f"key:{hashlib.sha256(msgspec.json.encode(parts)).hexdigest()}"


def fingerprint(message: Request[object], secret: bytes = b"") -> bytes:
    """Return the HMAC-SHA256 of what a request says, under `secret`: without it nobody can try passwords on it.

    The order of keys does not count, nor what differs from repeat to repeat (`INCIDENTAL`), nor a field that is at its
    default: so a release that adds one knows again what was asked of the one before.
    """
    said = {name: value for name, value in _said(message).items() if name not in message.INCIDENTAL}
    return hmac.digest(secret, msgspec.json.encode([message.METHOD, said], order="deterministic"), hashlib.sha256)


def _said(message: msgspec.Struct) -> dict[str, object]:
    fields = msgspec.structs.fields(message)
    return {
        field.encode_name: _plain(value)
        for field in fields
        if (value := getattr(message, field.name)) is not msgspec.UNSET and value != _default(field)
    }


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return _said(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def answered(found: Recorded | None, wanted: bytes) -> Recorded:
    """Return what was answered to a request with the same Idempotency-Key and the fingerprint `wanted`.

    Raises KeyReused when it asked for something else, StillInProgress when it has no answer yet, or none any more.
    """
    if found is not None and found.fingerprint != wanted:
        raise KeyReused(
            "This Idempotency-Key came with another request before: send a new key, or the first request unchanged"
        )
    if found is None or found.body is None:
        raise StillInProgress(
            "The first request with this Idempotency-Key is being carried out; send it again", retry_after=1.0
        )
    return found
