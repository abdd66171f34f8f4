"""What the environment says about traces."""

import pytest

from shared.runtime.environment import SettingsError, load
from shared.runtime.tracing.settings import TracingSettings

HERE = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, False),
        ({"OTEL_SDK_DISABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, True),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"}, False),
    ],
)
def test_there_are_traces_when_they_are_asked_for(environ: dict[str, str], wanted: bool) -> None:
    """By the place they go to or by the exporter, and not when they are switched off."""
    assert load(TracingSettings, environ).traces_wanted() is wanted


def test_they_go_where_the_specification_says() -> None:
    """The path is added to the endpoint of all signals, and not to the one of traces."""
    assert load(TracingSettings, {}).traces_url() == "http://localhost:4318/v1/traces"
    for base in (HERE, f"{HERE}/"):
        assert load(TracingSettings, {"OTEL_EXPORTER_OTLP_ENDPOINT": base}).traces_url() == f"{HERE}/v1/traces"
    own = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{HERE}/own"}
    assert load(TracingSettings, own).traces_url() == f"{HERE}/own"


def test_what_opens_the_collectors_door_is_a_secret() -> None:
    """The value of each header, as it is written and as it is sent; not the names."""
    environ = {
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20abc, x-key=k1",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=k2=",
    }
    assert load(TracingSettings, environ).collector_secrets() == {"Basic%20abc", "Basic abc", "k1", "k2="}
    assert load(TracingSettings, {}).collector_secrets() == set()
    assert "k1" not in repr(load(TracingSettings, environ))


def test_what_is_left_out_is_said_by_patterns() -> None:
    """Probes, unless it is said otherwise; each pattern for itself, wherever in a path it is found."""

    def left_out(patterns: str, path: str) -> bool:
        return load(TracingSettings, {"OTEL_PYTHON_EXCLUDED_URLS": patterns}).untraced().search(path) is not None

    assert [left_out("", path) for path in ("/health", "/metrics", "/api/v1/strategies")] == [True, True, False]
    assert [left_out("a|b, ^/c", path) for path in ("/xbx", "/c/d", "/d/c")] == [True, True, False]
    assert not left_out("^$", "/health")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_PYTHON_EXCLUDED_URLS", "/health,("),
        ("OTEL_PYTHON_EXCLUDED_URLS", "/health,"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:99999/"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ],
)
def test_what_could_only_fail_later_is_refused_at_once(name: str, value: str) -> None:
    """With the variable's name: spans that silently go nowhere would be found out when they are needed."""
    with pytest.raises(SettingsError) as raised:
        load(TracingSettings, {name: value})
    (fault,) = raised.value.faults
    assert fault.startswith(f"{name} must")
