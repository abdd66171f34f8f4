"""What /metrics says, as Prometheus reads it."""

from collections import Counter
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

HTTP_REQUESTS = "aurelius_http_requests_total"


class Answered(NamedTuple):
    """What the gateway counts an answer under. `route` is a template."""

    method: str
    route: str
    status: str


def samples_of(text: str) -> list[Sample]:
    """Return every sample: a series, and what it is at the moment."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def answers_of(text: str) -> Counter[Answered]:
    """Return how many HTTP requests have been answered."""
    return Counter(
        {
            Answered(sample.labels["method"], sample.labels["route"], sample.labels["status"]): round(sample.value)
            for sample in samples_of(text)
            if sample.name == HTTP_REQUESTS
        }
    )
