"""What is asked of the object store, as spans: there are no conventions for one that is any of several.

Only what is asked for a request or a job that is traced. A key tells the kind of object and whose it is, no content.
"""

from typing import TYPE_CHECKING, Final

from shared.runtime.context import Handling

if TYPE_CHECKING:  # nothing of the libraries is loaded while there are no traces
    from shared.runtime.tracing.tracer import Span, Tracer

OPERATION: Final = "aurelius.object.operation"
KEY: Final = "aurelius.object.key"


def asking_for(tracer: "Tracer", operation: str, key: str, handling: Handling) -> "Span":
    """Begin the span of an operation on the object `key`, or on those below it, named by its first part."""
    name = f"{operation} {key.partition('/')[0]}"
    about = {OPERATION: operation, KEY: key}
    return tracer.start(name, "client", about, parent=handling.traceparent, state=handling.tracestate)
