"""Log lines."""

import logging
import sys
import threading
from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest

from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.logs import JsonFormatter, TextFormatter, because, catch_strays, configure, in_json
from shared.runtime.redaction import Redactor

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HANDLED = Handling(request_id="r-1", traceparent=TRACEPARENT, method="strategy.read", job="b-7")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put logging back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def record(message: str, *arguments: object, failed: BaseException | None = None) -> logging.LogRecord:
    """Return a record as a logger makes it."""
    failure = None if failed is None else (type(failed), failed, failed.__traceback__)
    return logging.LogRecord("a.module", logging.WARNING, __file__, 1, message, arguments, failure)


def read(line: str) -> dict[str, str]:
    """Return a line's fields; a line is one JSON object without a line break."""
    assert "\n" not in line
    return msgspec.json.decode(line, type=dict[str, str])


def test_a_line_is_one_json_object() -> None:
    """Whatever the message holds, with its arguments put in."""
    fields = read(JsonFormatter("strategy", "strategy-1").format(record('line\nbreak "%s" ✓', "quoted")))
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "warning",
        "service": "strategy",
        "instance": "strategy-1",
        "logger": "a.module",
        "message": 'line\nbreak "quoted" ✓',
    }


def test_a_line_tells_what_is_being_handled() -> None:
    """So that all lines about one request are found by its id, or by its trace, in whichever process."""
    formatter = JsonFormatter("strategy")
    with context.during(HANDLED):
        fields = read(formatter.format(record("x")))
    assert (fields["request_id"], fields["trace_id"]) == ("r-1", "0af7651916cd43dd8448eb211c80319c")
    assert fields["span_id"] == "b7ad6b7169203331"
    assert (fields["method"], fields["job"]) == ("strategy.read", "b-7")
    assert "request_id" not in read(formatter.format(record("afterwards")))


def test_a_line_about_a_request_has_its_figures_apart() -> None:
    """As numbers, so that nobody has to take a sentence to pieces; what else a record carries is not shown."""
    made = record("answered")
    vars(made).update(route="/x/{id}", status=200, duration=0.0, password="hunter2")
    fields = msgspec.json.decode(JsonFormatter("s").format(made), type=dict[str, object])
    assert (fields["route"], fields["status"], fields["duration"]) == ("/x/{id}", 200, 0.0)
    assert "outcome" not in fields
    assert "password" not in fields


@pytest.mark.parametrize(
    ("log_format", "environment", "json"),
    [
        ("", "", False), ("", "development", False), ("", "production", True),
        ("text", "production", False), ("json", "development", True),
    ],
)  # fmt: skip
def test_lines_are_json_in_production_unless_said_otherwise(log_format: str, environment: str, json: bool) -> None:
    """LOG_FORMAT has the last word."""
    assert in_json(log_format, environment) is json


def test_the_time_is_the_records() -> None:
    """RFC 3339 in UTC."""
    made = record("x")
    made.created = 1_767_323_045.5
    assert read(JsonFormatter("s").format(made))["time"] == "2026-01-02T03:04:05.500000Z"


def test_an_exception_is_in_the_same_line() -> None:
    """Its whole traceback, so that a collector keeps it with its message."""
    try:
        raise KeyError("lost")
    except KeyError as error:
        fields = read(JsonFormatter("s").format(record("failed", failed=error)))
    assert fields["exception"].startswith("Traceback (most recent call last):\n")
    assert fields["exception"].endswith("KeyError: 'lost'")


def test_a_line_with_a_mistake_in_it_is_written_all_the_same() -> None:
    """Arguments that do not fit the message, or text that no encoding has."""
    assert "'%d apples' with ('no',)" in read(JsonFormatter("s").format(record("%d apples", "no")))["message"]
    assert read(JsonFormatter("s").format(record("half \ud83d")))["message"] == "half \\ud83d"


@pytest.mark.parametrize("form", [JsonFormatter, TextFormatter])
def test_neither_message_nor_traceback_holds_a_secret(form: type[JsonFormatter] | type[TextFormatter]) -> None:
    """A library's error may have the address it could not reach in it, and its cause another."""
    formatter = form("s", redact=Redactor(["hunter2"]))
    try:
        try:
            raise OSError("no route to redis://:hunter2@cache")
        except OSError as error:
            raise ConnectionError("Error connecting with hunter2") from error
    except ConnectionError as error:
        line = formatter.format(record("cannot reach %s", "redis://:hunter2@cache/0", failed=error))
    assert "ConnectionError" in line
    assert "hunter2" not in line


def test_text_is_for_eyes() -> None:
    """The time on the reader's own clock, the level, whose line it is; below, the traceback."""
    made = record("hello", failed=KeyError("lost"))
    made.created = datetime(2026, 1, 2, 3, 4, 5, 678000).timestamp()  # noqa: DTZ001  # local on purpose
    with context.during(Handling(request_id="r-1")):
        text = TextFormatter("strategy", "strategy-1").format(made)
    assert text == "03:04:05.678 WARNING strategy-1 a.module: hello [request_id=r-1]\nKeyError: 'lost'"


def test_production_logs_json(capsys: pytest.CaptureFixture[str]) -> None:
    """To standard error, from the level on that was asked for."""
    configure("metrics", "WARNING", json=True, instance="metrics-1")
    logging.getLogger("quiet").info("no")
    logging.getLogger("loud").error("yes")
    fields = read(capsys.readouterr().err.rstrip("\n"))
    assert (fields["service"], fields["instance"]) == ("metrics", "metrics-1")
    assert (fields["level"], fields["message"]) == ("error", "yes")


def test_development_logs_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an instance, as before there is one, by the service's name."""
    configure("metrics", "INFO", json=False)
    logging.getLogger("a").info("started on port %d", 80)
    assert capsys.readouterr().err.endswith(" INFO    metrics a: started on port 80\n")


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A second call replaces the first."""
    configure("metrics", "INFO", json=False)
    configure("metrics", "INFO", json=False)
    logging.getLogger("a").info("once")
    assert capsys.readouterr().err.count("once") == 1


def test_what_this_process_keeps_secret_is_in_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes it."""
    configure("metrics", "DEBUG", json=True, secrets=["open sesame"])
    logging.getLogger("redis.asyncio").debug("AUTH %r", b"open sesame")
    assert read(capsys.readouterr().err.rstrip("\n"))["message"] == "AUTH b'***'"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_python_would_print_is_logged(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody caught, in the main thread or another, is one line as any other."""
    for hook in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, hook, getattr(sys, hook))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    configure("metrics", "INFO", json=True)
    catch_strays()
    error = LookupError("nowhere")
    sys.excepthook(LookupError, error, None)
    thread = threading.Thread(target={"a": 1}.pop, args=["no such key"])
    thread.start()
    thread.join()
    lines = [read(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["level"] for line in lines] == ["critical", "critical"]
    assert lines[0]["exception"] == "LookupError: nowhere"
    assert lines[1]["exception"].endswith("KeyError: 'no such key'")


def test_a_line_ends_with_what_its_error_came_of() -> None:
    """Or with nothing."""
    outer = ValueError("outer")
    assert because(outer) == ""
    outer.__cause__ = OSError("inner")
    assert because(outer) == " (OSError: inner)"
