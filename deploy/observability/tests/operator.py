"""What the Prometheus Operator takes, as far as our objects go into it: names, bounds and patterns of its own types.

Those of pkg/apis/monitoring (v1alpha1/scrapeconfig_types.go, v1/prometheusrule_types.go) of
https://github.com/prometheus-operator/prometheus-operator, by which it makes its CRDs. A cluster drops a field that it
does not know without a word.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Duration = Annotated[
    str,
    Meta(
        pattern=r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
        min_length=1,
    ),
]
Text = Annotated[str, Meta(min_length=1)]
# A DNS subdomain, which the names of Kubernetes' objects are.
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=253)]


class Metadata(msgspec.Struct, forbid_unknown_fields=True):
    """How an object is called."""

    name: Name
    labels: dict[str, str] = {}


class StaticConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Targets that are always there."""

    targets: Annotated[list[Text], Meta(min_length=1)]
    labels: dict[str, str] = {}


class ScrapeConfigSpec(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is scraped, and how often."""

    job_name: Text
    static_configs: list[StaticConfig]
    metrics_path: Text
    scrape_interval: Duration
    scrape_timeout: Duration
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"


class ScrapeConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One job of a Prometheus."""

    api_version: Literal["monitoring.coreos.com/v1alpha1"]
    kind: Literal["ScrapeConfig"]
    metadata: Metadata
    spec: ScrapeConfigSpec


class RecordingRule(msgspec.Struct, forbid_unknown_fields=True):
    """A series that is made of others."""

    record: Text
    expr: Text
    labels: dict[str, str] = {}


class AlertingRule(msgspec.Struct, forbid_unknown_fields=True):
    """An alert."""

    alert: Text
    expr: Text
    for_: Duration = msgspec.field(default="0s", name="for")
    keep_firing_for: Duration = "0s"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class RuleGroup(msgspec.Struct, forbid_unknown_fields=True):
    """Rules that are evaluated one after another."""

    name: Text
    rules: list[dict[str, object]]
    interval: Duration = "0s"

    def typed(self) -> list[RecordingRule | AlertingRule]:
        """The rules, each by what it is. Raises ValidationError."""
        return [
            msgspec.convert(rule, RecordingRule) if "record" in rule else msgspec.convert(rule, AlertingRule)
            for rule in self.rules
        ]


class PrometheusRuleSpec(msgspec.Struct, forbid_unknown_fields=True):
    """Groups of rules, whose names differ."""

    groups: list[RuleGroup]


class PrometheusRule(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One file of rules."""

    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PrometheusRule"]
    metadata: Metadata
    spec: PrometheusRuleSpec
