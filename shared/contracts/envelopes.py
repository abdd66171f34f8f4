"""The stream entries that carry a request and its reply: JSON that says what it is, and beside it the body as bytes.

Two fields, since a stream entry costs by the field. What is at its default is left out, what is unknown is ignored: a
new field with a default disturbs no older process.
"""

import msgspec

from shared.contracts.errors import ErrorBody
from shared.contracts.values import Principal


class RequestEnvelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request on its way. `deadline` is Unix time in milliseconds; `body` is the JSON of the request.

    `request_id` is that of the HTTP request it came of, `traceparent` and `tracestate` (W3C Trace Context) those of who
    asks.
    """

    id: str
    method: str
    deadline: int
    reply_to: str
    principal: Principal | None = None
    traceparent: str = ""
    idempotency_key: str = ""
    request_id: str = ""
    tracestate: str = ""
    body: bytes = b""

    def to_entry(self) -> dict[str, str | bytes]:
        """Return the fields of the stream entry."""
        return {"request": msgspec.json.encode(msgspec.structs.replace(self, body=b"")), "body": self.body}

    @classmethod
    def from_entry(cls, fields: dict[bytes, bytes]) -> "RequestEnvelope":
        """Read a stream entry. Raises KeyError, ValueError or msgspec.ValidationError on one that is no request."""
        return msgspec.structs.replace(_REQUEST.decode(fields[b"request"]), body=fields[b"body"])


class ReplyEnvelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reply on its way: an answer or an error.

    `versions` are the cache objects the answer was read at, or the write raised, with their versions.
    `object_key` is set, and `body` empty, when the answer was too large for the bus and waits in the object store.
    `elapsed_us` is the time since the service took the request, in microseconds, and `database_us` that for which it
    held connections to its database. `replayed` says that the answer is the one given to an earlier request with the
    same Idempotency-Key.
    """

    id: str
    error: ErrorBody | None = None
    versions: dict[str, int] = {}
    object_key: str = ""
    elapsed_us: int = 0
    database_us: int = 0
    replayed: bool = False
    body: bytes = b""

    def to_entry(self) -> dict[str, str | bytes]:
        """Return the fields of the stream entry."""
        if self.error is not None:  # what was made of an answer before it failed stays here
            told = ReplyEnvelope(id=self.id, error=self.error, elapsed_us=self.elapsed_us)
            return {"reply": msgspec.json.encode(told), "body": b""}
        return {"reply": msgspec.json.encode(msgspec.structs.replace(self, body=b"")), "body": self.body}

    @classmethod
    def from_entry(cls, fields: dict[bytes, bytes]) -> "ReplyEnvelope":
        """Read a stream entry. Raises KeyError, ValueError or msgspec.ValidationError on one that is no reply."""
        return msgspec.structs.replace(_REPLY.decode(fields[b"reply"]), body=fields[b"body"])


class Sender(msgspec.Struct, frozen=True):
    """Who sent a request that cannot be read, as far as it can still be told: what cannot is empty."""

    id: str = ""
    method: str = ""
    reply_to: str = ""

    @classmethod
    def from_entry(cls, fields: dict[bytes, bytes]) -> "Sender":
        """Read a stream entry, whatever it is."""
        try:
            return _SENDER.decode(fields.get(b"request", b""))
        except (ValueError, msgspec.MsgspecError):
            return cls()


_REQUEST = msgspec.json.Decoder(RequestEnvelope)
_SENDER = msgspec.json.Decoder(Sender)
_REPLY = msgspec.json.Decoder(ReplyEnvelope)
