"""What the environment says about how spans are kept and sent: the variables of the specification, read here alone.

The libraries would pass over a value that cannot be right, log it, or end in a traceback, each variable in another way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from shared.runtime.environment import Rule, Together

NOT_GIVEN: Final = -1
"""Of a limit: there is none, or the one of the specification."""
BATCH: Final = 512

# What https://opentelemetry.io/docs/specs/otel/protocol/exporter/ takes from W3C Baggage, and spaces in values besides.
_HEADER = re.compile(r"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*=[ !#-+\--:<-\[\]-~]*")
_ATTRIBUTE = re.compile(r"\s*[^=,\s][^=,]*=[^,]*")

HEADERS = (
    "must be name=value, several by commas, and in a value %2C for a comma, %3B for a semicolon, %22 for a quote, %5C "
    "for a backslash"
)
ATTRIBUTES = "must be name=value, several by commas, and %2C for a comma in a value"
FILE = "must name a file that this process may read"
MILLISECONDS = "must be a whole number of milliseconds from 100 to 3600000, such as 10000 for ten seconds"
WHOLE_BATCH = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be above OTEL_BSP_MAX_QUEUE_SIZE"


def _headers(text: str) -> Iterator[str]:
    if not all(_HEADER.fullmatch(part) for part in text.split(",") if part.strip()):
        yield HEADERS


def _attributes(text: str) -> Iterator[str]:
    if not all(_ATTRIBUTE.fullmatch(part) for part in text.split(",") if part.strip()):
        yield ATTRIBUTES


def _file(text: str) -> Iterator[str]:
    try:
        with Path(text).open("rb"):
            pass
    except OSError:
        yield FILE


def _milliseconds(text: str) -> Iterator[str]:
    # What other SDKs of Python take for seconds would be ten milliseconds here, in which no collector answers.
    if not (text.isascii() and text.isdigit() and 100 <= int(text[:9]) <= 3_600_000):
        yield MILLISECONDS


Headers = Annotated[str, Rule(HEADERS, _headers)]
ResourceAttributes = Annotated[str, Rule(ATTRIBUTES, _attributes)]
File = Annotated[str, Rule(FILE, _file)]
Milliseconds = Annotated[int, Rule(MILLISECONDS, _milliseconds)]
Compression = Literal["gzip", "deflate", "none", ""]
Limit = Annotated[int, Meta(ge=0, le=1_000_000)]


def _in_one_batch(queue: int, batch: int) -> str:
    return "" if batch <= queue else WHOLE_BATCH


@dataclass(frozen=True, kw_only=True)
class SendingSettings:
    """How spans are kept and sent. What is said of traces goes before what is said of all signals.

    Durations are in milliseconds, as the specification has it. A limit of NOT_GIVEN is none.
    """

    otel_resource_attributes: ResourceAttributes = ""
    otel_exporter_otlp_headers: Headers = field(default="", repr=False)
    otel_exporter_otlp_traces_headers: Headers = field(default="", repr=False)
    otel_exporter_otlp_timeout: Milliseconds = 10_000
    otel_exporter_otlp_traces_timeout: Milliseconds = 0
    otel_exporter_otlp_compression: Compression = ""
    otel_exporter_otlp_traces_compression: Compression = ""
    otel_exporter_otlp_certificate: File = ""
    otel_exporter_otlp_traces_certificate: File = ""
    otel_exporter_otlp_client_certificate: File = ""
    otel_exporter_otlp_traces_client_certificate: File = ""
    otel_exporter_otlp_client_key: File = ""
    otel_exporter_otlp_traces_client_key: File = ""
    otel_bsp_schedule_delay: Annotated[int, Meta(ge=1, le=3_600_000, title="milliseconds")] = 5000
    otel_bsp_max_queue_size: Annotated[int, Meta(ge=1, le=1_000_000, title="spans")] = 2048
    otel_bsp_max_export_batch_size: Annotated[int, Meta(ge=1, le=1_000_000, title="spans")] = 0
    otel_attribute_count_limit: Limit = NOT_GIVEN
    otel_attribute_value_length_limit: Limit = NOT_GIVEN
    otel_span_attribute_count_limit: Limit = NOT_GIVEN
    otel_span_attribute_value_length_limit: Limit = NOT_GIVEN

    RULES: ClassVar[tuple[Together, ...]] = (
        Together(("otel_bsp_max_queue_size", "otel_bsp_max_export_batch_size"), _in_one_batch),
    )

    def batch_size(self) -> int:
        """Return how many spans are sent at once, at most."""
        return self.otel_bsp_max_export_batch_size or min(BATCH, self.otel_bsp_max_queue_size)

    def send_within(self) -> float:
        """Return the seconds that sending may take."""
        return (self.otel_exporter_otlp_traces_timeout or self.otel_exporter_otlp_timeout) / 1000

    def compression(self) -> Compression:
        """Return what spans are compressed by."""
        return self.otel_exporter_otlp_traces_compression or self.otel_exporter_otlp_compression or "none"

    def certificate(self) -> str:
        """Return the file of the authority that the collector's certificate is of, empty for the system's own."""
        return self.otel_exporter_otlp_traces_certificate or self.otel_exporter_otlp_certificate

    def client_certificate(self) -> str:
        """Return the file of this process's own certificate, empty for none."""
        return self.otel_exporter_otlp_traces_client_certificate or self.otel_exporter_otlp_client_certificate

    def client_key(self) -> str:
        """Return the file of that certificate's key, empty when it is in the same one."""
        return self.otel_exporter_otlp_traces_client_key or self.otel_exporter_otlp_client_key

    def most_attributes(self) -> int:
        """Return how many attributes a span has at most, NOT_GIVEN for as many as the specification says."""
        mine, of_all = self.otel_span_attribute_count_limit, self.otel_attribute_count_limit
        return of_all if mine == NOT_GIVEN else mine

    def longest_value(self) -> int:
        """Return how many characters a value has at most, NOT_GIVEN for any number."""
        mine, of_all = self.otel_span_attribute_value_length_limit, self.otel_attribute_value_length_limit
        return of_all if mine == NOT_GIVEN else mine
