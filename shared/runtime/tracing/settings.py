"""What the environment says about traces: the variables of the OpenTelemetry specification.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import unquote

from msgspec import Meta

from shared.runtime import addresses
from shared.runtime.environment import Rule
from shared.runtime.tracing.sending import SendingSettings

CollectorUrl = Annotated[str, Rule(addresses.COLLECTOR, addresses.collector_url)]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]

TRACES_PATH = "/v1/traces"
PROTOCOL = "must be http/protobuf, the only one here: collectors take it on port 4318, where 4317 is for gRPC"
PROPAGATORS = (
    "must hold tracecontext, the only format that is spoken here; baggage may stand beside it, and is not passed on"
)
PATTERNS = "must be regular expressions separated by commas, such as ^/health(/|$),^/metrics$"


def _patterns(text: str) -> Iterator[str]:
    for pattern in map(str.strip, text.split(",")):
        try:
            if not re.compile(pattern).pattern:  # which would be found everywhere
                yield PATTERNS
        except re.error:
            yield PATTERNS


def _no_protocol(_: str) -> Iterator[str]:
    yield PROTOCOL


def _propagators(text: str) -> Iterator[str]:
    named = {each.strip().lower() for each in text.split(",")}
    if "tracecontext" not in named or not named <= {"tracecontext", "baggage"}:
        yield PROPAGATORS


Patterns = Annotated[str, Rule(PATTERNS, _patterns)]
Protocol = Annotated[Literal["http/protobuf", ""], Rule(PROTOCOL, _no_protocol)]
Propagators = Annotated[str, Rule(PROPAGATORS, _propagators)]


@dataclass(frozen=True, kw_only=True)
class TracingSettings(SendingSettings):
    """Where traces go. Without an endpoint they go nowhere, unless OTEL_TRACES_EXPORTER asks for them.

    A request whose path one of `otel_python_excluded_urls` is found in has no trace: what looks after the platform asks
    for its health and its metrics again and again.
    """

    otel_sdk_disabled: bool = False
    otel_traces_exporter: Literal["otlp", "none", ""] = ""
    otel_exporter_otlp_endpoint: CollectorUrl = field(default="", repr=False)
    otel_exporter_otlp_traces_endpoint: CollectorUrl = field(default="", repr=False)
    otel_exporter_otlp_protocol: Protocol = ""
    otel_exporter_otlp_traces_protocol: Protocol = ""
    otel_propagators: Propagators = "tracecontext"
    otel_traces_sampler: Sampler = "parentbased_always_on"
    otel_traces_sampler_arg: Annotated[float, Meta(ge=0, le=1)] = 1.0
    otel_python_excluded_urls: Patterns = "^/health(/|$),^/metrics$"

    def traces_wanted(self) -> bool:
        """Say whether spans are to be made and sent."""
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none":
            return False
        named = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        return bool(named) or self.otel_traces_exporter == "otlp"

    def traces_url(self) -> str:
        """Return where spans are posted to."""
        base = self.otel_exporter_otlp_endpoint or "http://localhost:4318"
        return self.otel_exporter_otlp_traces_endpoint or base.rstrip("/") + TRACES_PATH

    def untraced(self) -> re.Pattern[str]:
        """Return what is found in a path that is left out."""
        return re.compile("|".join(f"(?:{each.strip()})" for each in self.otel_python_excluded_urls.split(",")))

    def collector_secrets(self) -> set[str]:
        """Return the values of the headers for the collector, which open its door."""
        pairs = f"{self.otel_exporter_otlp_headers},{self.otel_exporter_otlp_traces_headers}".split(",")
        values = {pair.partition("=")[2].strip() for pair in pairs}
        return {spelling for value in values if value for spelling in (value, unquote(value))}
