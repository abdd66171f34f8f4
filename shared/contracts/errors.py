"""Errors that cross the bus, named for what the caller does next: correct, retry, give up, log in."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec


class InputError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault in the input: where (JSON pointer; line and column inside an expression), and what to write."""

    pointer: str
    message: str
    line: int | None = None
    column: int | None = None


class ServiceError(Exception):
    """An answer that is not a success. `kind` travels on the bus; `status` is what HTTP clients see."""

    kind: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, errors: tuple[InputError, ...] = (), retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class Malformed(ServiceError):
    """The request cannot be read: unknown field, wrong type, bad cursor. Correct it."""

    kind = "malformed"
    status = 400
    title = "The request is malformed"


class Unauthenticated(ServiceError):
    """Nobody, or nobody valid, is asking. Log in."""

    kind = "unauthenticated"
    status = 401
    title = "Authentication is required"


class Forbidden(ServiceError):
    """Known, but not allowed."""

    kind = "forbidden"
    status = 403
    title = "Not allowed"


class NotFound(ServiceError):
    """There is no such thing, or it is not the caller's.

    `versions` are the cache objects at whose versions there is none, for anybody: that may be cached.
    """

    kind = "not-found"
    status = 404
    title = "Not found"

    def __init__(
        self,
        detail: str,
        *,
        errors: tuple[InputError, ...] = (),
        retry_after: float | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(detail, errors=errors, retry_after=retry_after)
        self.versions = dict(versions or {})


class Conflict(ServiceError):
    """The state does not allow it. Look again, then decide."""

    kind = "conflict"
    status = 409
    title = "Conflict with the current state"


class StillInProgress(Conflict):
    """A request with the same Idempotency-Key has not been answered yet. Repeat after `retry_after` seconds."""

    kind = "request-in-progress"
    title = "The first request with this key is in progress"


class TooOld(Conflict):
    """Nobody knows any more whether this request was carried out. Look, then make a new one."""

    kind = "request-too-old"
    title = "The request is too old"


class PreconditionFailed(ServiceError):
    """`If-Match` named a revision that is no longer current. Read again."""

    kind = "precondition-failed"
    status = 412
    title = "The resource has changed"


class TooLarge(ServiceError):
    """The body is over the limit."""

    kind = "too-large"
    status = 413
    title = "The body is too large"


class Invalid(ServiceError):
    """The request was read and means nothing sensible. Correct it."""

    kind = "validation"
    status = 422
    title = "The request is not valid"


class InvalidSpec(Invalid):
    """A strategy document that does not parse or type-check."""

    kind = "invalid-spec"
    title = "The strategy does not parse"


class KeyReused(Invalid):
    """An Idempotency-Key came with another request before. Send a new one."""

    kind = "idempotency-key-reused"
    title = "The Idempotency-Key is another request's"


class QuotaExceeded(ServiceError):
    """The caller has as much as it may have. End some of it, or wait `retry_after` seconds for some to end."""

    kind = "quota-exceeded"
    status = 429
    title = "As much as you may have"


class Unavailable(ServiceError):
    """Something needed is away. Try again after `retry_after` seconds."""

    kind = "unavailable"
    status = 503
    title = "Temporarily unavailable"

    def __init__(self, detail: str, *, errors: tuple[InputError, ...] = (), retry_after: float | None = 1.0) -> None:
        super().__init__(detail, errors=errors, retry_after=retry_after)


class GivenUp(ServiceError):
    """Processes ended while they had the request. It was put aside for an operator; do not repeat it."""

    kind = "given-up"
    status = 500
    title = "Given up"


class DeadlineExceeded(ServiceError):
    """No answer came in time. The request may or may not have been done."""

    kind = "deadline-exceeded"
    status = 504
    title = "No answer in time"


BY_KIND: dict[str, type[ServiceError]] = {
    error.kind: error
    for error in (
        ServiceError,
        Malformed,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        StillInProgress,
        TooOld,
        PreconditionFailed,
        TooLarge,
        Invalid,
        InvalidSpec,
        KeyReused,
        QuotaExceeded,
        Unavailable,
        GivenUp,
        DeadlineExceeded,
    )
}


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ServiceError on the wire."""

    kind: str
    detail: str
    errors: tuple[InputError, ...] = ()
    retry_after: float | None = None
    versions: dict[str, int] = {}

    @classmethod
    def of(cls, error: ServiceError) -> "ErrorBody":
        """Return the wire form of `error`."""
        versions = error.versions if isinstance(error, NotFound) else {}
        return cls(error.kind, error.detail, errors=error.errors, retry_after=error.retry_after, versions=versions)

    def to_exception(self) -> ServiceError:
        """Return the exception to raise at the caller; an unknown kind is an internal error."""
        error = BY_KIND.get(self.kind, ServiceError)
        if error is NotFound:
            return NotFound(self.detail, errors=self.errors, retry_after=self.retry_after, versions=self.versions)
        return error(self.detail, errors=self.errors, retry_after=self.retry_after)
