"""What happens on the bus, as spans: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

Who asks and who answers are client and server, since one waits for the other; the relay produces, who reads a stream of
events or jobs consumes. A consumer's span is below the one that its message was made in, and linked to it.
What came of no request is in no trace: processes ask one another for their own sake, again and again.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from shared.contracts.errors import ServiceError
from shared.runtime.context import Handling

if TYPE_CHECKING:  # nothing of the libraries is loaded while there are no traces
    from shared.runtime.bus.connection import Entry
    from shared.runtime.tracing.tracer import Span, Tracer

REQUEST_ID: Final = "aurelius.request_id"
OUTCOME: Final = "aurelius.outcome"
JOB: Final = "aurelius.job"
AT_ONCE: Final = 64
"""Requests of whose events in one batch spans are made."""


def messaging(stream: str, operation: str, kind: str) -> dict[str, str | int | float | bool]:
    """Return what a span says of a message in `stream`; `kind` is send, receive or process."""
    return {
        "messaging.system": "redis",
        "messaging.destination.name": stream,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
    }


def asking(tracer: "Tracer", stream: str, method: str, message_id: str, handling: Handling) -> "Span":
    """Begin the span of a request to a service, which ends with its answer."""
    attributes = messaging(stream, method, "send")
    attributes |= {"rpc.method": method, "messaging.message.id": message_id, REQUEST_ID: handling.request_id}
    return tracer.start(
        f"{method} {stream}", "client", attributes, parent=handling.traceparent, state=handling.tracestate
    )


def answering(tracer: "Tracer", stream: str, group: str, message_id: str, handling: Handling) -> "Span":
    """Begin the span of what a service does for a request."""
    attributes = messaging(stream, handling.method, "process")
    attributes |= {
        "rpc.method": handling.method,
        "messaging.consumer.group.name": group,
        "messaging.message.id": message_id,
        REQUEST_ID: handling.request_id,
    }
    name = f"{handling.method} {stream}"
    return tracer.start(name, "server", attributes, parent=handling.traceparent, state=handling.tracestate)


def refused(span: "Span", error: Exception) -> None:
    """Say what a request was refused with; only what is the platform's own fault counts as a failure."""
    if not isinstance(error, ServiceError):
        span.fail(type(error).__name__)
    elif error.status >= 500:
        span.fail(error.kind)
    else:
        span.note(OUTCOME, error.kind)


def working(tracer: "Tracer", stream: str, group: str, method: str, job: str, traceparent: str) -> "Span":
    """Begin the span of a job, which the request at `traceparent` has asked for."""
    attributes = messaging(stream, method, "process")
    attributes |= {"messaging.consumer.group.name": group, JOB: job}
    return tracer.start(f"{method} {stream}", "consumer", attributes, parent=traceparent, link=traceparent)


def consuming(tracer: "Tracer", stream: str, group: str, entries: "Sequence[Entry]") -> dict[str, "Span"]:
    """Begin the spans of what is done with a batch, by what its entries came of: one for each, and AT_ONCE at most."""
    came_of = [each for each in dict.fromkeys(traceparents(entries)) if each]
    attributes = messaging(stream, "process", "process")
    attributes |= {"messaging.consumer.group.name": group, "messaging.batch.message_count": len(entries)}
    return {
        each: tracer.start(f"process {stream}", "consumer", attributes, parent=each, link=each)
        for each in came_of[:AT_ONCE]
    }


def published(tracer: "Tracer", stream: str, messages: Iterable[tuple[str, str, str]], seconds: float) -> None:
    """Tell of what the relay has just appended: each message's id, its type and the `traceparent` it was made in."""
    for message_id, message_type, traceparent in messages:
        if traceparent:
            attributes = messaging(stream, "send", "send")
            attributes |= {"messaging.message.id": message_id, "cloudevents.event_type": message_type}
            tracer.tell(f"send {stream}", "producer", attributes, parent=traceparent, seconds=seconds, error="")


def traceparents(entries: "Iterable[Entry]") -> list[str]:
    """Return the trace context of each entry, empty for one without."""
    return [entry.fields.get(b"traceparent", b"").decode(errors="replace") for entry in entries]
