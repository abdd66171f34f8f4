"""The stream entries that carry a request and its reply."""

import msgspec

from shared.contracts.errors import ErrorBody
from shared.contracts.values import Principal

_VERSIONS = msgspec.json.Decoder(dict[str, int])
_PRINCIPAL = msgspec.json.Decoder(Principal)
_ERROR = msgspec.json.Decoder(ErrorBody)


class RequestEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way. `deadline` is Unix time in milliseconds; `body` is the JSON of the request.

    `request_id` is that of the HTTP request it came of; older callers do not send it, and older services ignore it.
    """

    id: str
    method: str
    deadline: int
    reply_to: str
    principal: Principal | None
    traceparent: str
    idempotency_key: str
    body: bytes
    request_id: str = ""

    def to_entry(self) -> dict[str, str | bytes]:
        """Return the fields of the stream entry."""
        return {
            "id": self.id,
            "method": self.method,
            "deadline": str(self.deadline),
            "reply_to": self.reply_to,
            "principal": b"" if self.principal is None else msgspec.json.encode(self.principal),
            "traceparent": self.traceparent,
            "idempotency_key": self.idempotency_key,
            "body": self.body,
            "request_id": self.request_id,
        }

    @classmethod
    def from_entry(cls, fields: dict[bytes, bytes]) -> "RequestEnvelope":
        """Read a stream entry. Raises KeyError, ValueError or msgspec.ValidationError on one that is no request."""
        principal = fields[b"principal"]
        return cls(
            id=fields[b"id"].decode(),
            method=fields[b"method"].decode(),
            deadline=int(fields[b"deadline"]),
            reply_to=fields[b"reply_to"].decode(),
            principal=_PRINCIPAL.decode(principal) if principal else None,
            traceparent=fields[b"traceparent"].decode(),
            idempotency_key=fields[b"idempotency_key"].decode(),
            body=fields[b"body"],
            request_id=fields.get(b"request_id", b"").decode(),
        )


class ReplyEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """A reply on its way: an answer or an error.

    `versions` are the cache objects the answer was read at, or the write raised, with their versions.
    `object_key` is set, and `body` empty, when the answer was too large for the bus and waits in the object store.
    `elapsed_us` is the time the service spent, in microseconds. `replayed` says that the answer is the one given to an
    earlier request with the same Idempotency-Key.
    """

    id: str
    body: bytes = b""
    error: ErrorBody | None = None
    versions: dict[str, int] = {}
    object_key: str = ""
    elapsed_us: int = 0
    replayed: bool = False

    def to_entry(self) -> dict[str, str | bytes]:
        """Return the fields of the stream entry."""
        entry: dict[str, str | bytes] = {"id": self.id, "elapsed_us": str(self.elapsed_us)}
        if self.error is not None:
            entry["error"] = msgspec.json.encode(self.error)
            return entry
        entry["body"] = self.body
        if self.versions:
            entry["versions"] = msgspec.json.encode(self.versions)
        if self.object_key:
            entry["object_key"] = self.object_key
        if self.replayed:
            entry["replayed"] = "1"
        return entry

    @classmethod
    def from_entry(cls, fields: dict[bytes, bytes]) -> "ReplyEnvelope":
        """Read a stream entry. Raises KeyError, ValueError or msgspec.ValidationError on one that is no reply."""
        error = fields.get(b"error")
        versions = fields.get(b"versions")
        return cls(
            id=fields[b"id"].decode(),
            body=fields.get(b"body", b""),
            error=_ERROR.decode(error) if error else None,
            versions=_VERSIONS.decode(versions) if versions else {},
            object_key=fields.get(b"object_key", b"").decode(),
            elapsed_us=int(fields[b"elapsed_us"]),
            replayed=b"replayed" in fields,
        )
