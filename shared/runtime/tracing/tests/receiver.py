"""A collector: takes what OTLP exporters post over HTTP, and keeps it, or does not."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Value = str | int | float | bool


@dataclass(frozen=True)
class Received:
    """One span as it arrived. Ids are in hexadecimal, `parent` empty for a root; times are Unix nanoseconds."""

    resource: dict[str, Value]
    name: str
    kind: str
    trace: str
    span: str
    parent: str
    state: str
    attributes: dict[str, Value]
    links: list[tuple[str, str]]
    failed: bool
    begin: int
    end: int

    @property
    def service(self) -> str:
        """Whose it is."""
        return str(self.resource["service.name"])


class Receiver:
    """What has arrived. `answer` is the status of every answer; until `hanging` is cleared there is none."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.spans: list[Received] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.answer = 200
        self.hanging: threading.Event | None = None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Take a post; returns the status to answer with."""
        if self.hanging is not None:
            self.hanging.wait()
        if path != "/v1/traces" or headers.get("content-type") != "application/x-protobuf":
            return 404
        if self.answer == 200:
            plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
            self.headers.append(headers)
            self.bodies.append(plain)
            self.spans += _read(plain)
        return self.answer


@contextlib.contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """Run one, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sent = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(running.take(self.path, sent, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    running = Receiver(server.server_address[1])
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    try:
        yield running
    finally:
        if running.hanging is not None:
            running.hanging.set()
        server.shutdown()
        server.server_close()


def _read(body: bytes) -> Iterator[Received]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = {pair.key: _value(pair.value) for pair in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Received(
                    resource=resource,
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    trace=span.trace_id.hex(),
                    span=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    state=span.trace_state,
                    attributes={pair.key: _value(pair.value) for pair in span.attributes},
                    links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                    begin=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                )


def _value(value: AnyValue) -> Value:
    found: Value = getattr(value, value.WhichOneof("value") or "string_value")
    return found
