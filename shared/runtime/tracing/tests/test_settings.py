"""What the environment says about traces."""

import pytest

from shared.runtime.environment import SettingsError, load
from shared.runtime.tracing.exporting import provide
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
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_SDK_DISABLED", "maybe"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_PROPAGATORS", "tracecontext,b3multi"),
        ("OTEL_PROPAGATORS", "none"),
        ("OTEL_RESOURCE_ATTRIBUTES", "stage"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Bearer abc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", 'x-key="abc"'),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=a;b"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "99999999999999"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-1"),
    ],
)
def test_what_could_only_fail_later_is_refused_at_once(name: str, value: str) -> None:
    """With the variable's name: spans that silently go nowhere would be found out when they are needed."""
    with pytest.raises(SettingsError) as raised:
        load(TracingSettings, {name: value})
    (fault,) = raised.value.faults
    assert fault.startswith(f"{name} must")
    assert value not in fault.split()


def test_what_is_wrong_with_the_protocol_says_where_to_go() -> None:
    """Most collectors are given with the other protocol's port."""
    with pytest.raises(SettingsError, match="4318"):
        load(TracingSettings, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_PROPAGATORS": "tracecontext,baggage"},
        {"OTEL_PROPAGATORS": "TraceContext"},
        {"OTEL_RESOURCE_ATTRIBUTES": "service.namespace=mine, deployment.environment.name=a%2Cb,"},
        {"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic YTpi, x-key=k==,"},
        {"OTEL_EXPORTER_OTLP_CERTIFICATE": __file__, "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP"},
        {"OTEL_BSP_MAX_QUEUE_SIZE": "100"},
        {"OTEL_BSP_SCHEDULE_DELAY": "", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "", "OTEL_EXPORTER_OTLP_TIMEOUT": " "},
    ],
)
def test_what_the_specification_allows_is_taken(environ: dict[str, str]) -> None:
    """A queue that is smaller than a batch is sent as a whole; what is empty is not set."""
    settings = load(TracingSettings, {"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, **environ})
    provide(settings, "s", "s-1").shutdown()


def test_what_is_said_of_traces_goes_before_what_is_said_of_all() -> None:
    """Durations are milliseconds, as the specification has them."""
    of_all = {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2000",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "9",
    }
    settings = load(TracingSettings, of_all)
    assert (settings.send_within(), settings.compression(), settings.most_attributes()) == (2.0, "gzip", 9)
    of_traces = {
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "500",
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "0",
    }
    settings = load(TracingSettings, of_all | of_traces)
    assert (settings.send_within(), settings.compression(), settings.most_attributes()) == (0.5, "none", 0)
    assert load(TracingSettings, {}).send_within() == 10.0
