"""Log lines."""

import io
import logging
import sys
from collections.abc import Iterator

import msgspec
import pytest

from shared.runtime.logs import JsonFormatter, configure


@pytest.fixture
def restored() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
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
    fields = read(JsonFormatter("strategy").format(record('line\nbreak "%s" ✓', "quoted")))
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "warning",
        "service": "strategy",
        "logger": "a.module",
        "message": 'line\nbreak "quoted" ✓',
    }


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


@pytest.mark.usefixtures("restored")
def test_production_logs_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """To standard error, from the level on that was asked for."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure("metrics", "WARNING", production=True)
    logging.getLogger("quiet").info("no")
    logging.getLogger("loud").error("yes")
    fields = read(written.getvalue().rstrip("\n"))
    assert (fields["service"], fields["level"], fields["message"]) == ("metrics", "error", "yes")


@pytest.mark.usefixtures("restored")
def test_development_logs_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """For eyes."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure("metrics", "INFO", production=False)
    logging.getLogger("a").info("started on port %d", 80)
    assert written.getvalue() == "INFO    a: started on port 80\n"


@pytest.mark.usefixtures("restored")
def test_configuring_twice_writes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call replaces the first."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure("metrics", "INFO", production=False)
    configure("metrics", "INFO", production=False)
    logging.getLogger("a").info("once")
    assert written.getvalue().count("once") == 1
