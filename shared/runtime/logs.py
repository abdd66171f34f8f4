"""Log lines: readable text in development, one JSON object a line in production; without secrets in both."""

import logging
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType

import msgspec

from shared.contracts.events import rfc3339
from shared.runtime import context
from shared.runtime.redaction import Redactor

log = logging.getLogger(__name__)

# Libraries from which less is heard. At DEBUG numba writes the byte code of every kernel it compiles; asyncpg's pool
# writes a traceback for each try to reach a database that is away, which readiness tells in a line; and OpenTelemetry
# and what it sends with have a line for each batch that nobody takes, which is told once (tracing/exporting.py).
_TALKATIVE = {
    "numba": logging.WARNING,
    "asyncpg.pool": logging.ERROR,
    "opentelemetry.exporter": logging.CRITICAL,
    "opentelemetry.sdk._shared_internal": logging.CRITICAL,
    "urllib3": logging.ERROR,
}
# What a line about a request says besides, for machines.
_OF_A_REQUEST = ("route", "status", "outcome", "duration")


class _Lines(logging.Formatter):
    """What both forms have in common: whose line it is, and a message and a traceback that hold no secret."""

    def __init__(self, service: str, instance: str = "", redact: Redactor | None = None) -> None:
        super().__init__()
        self._service = service
        self._instance = instance
        self._redact = redact or Redactor()

    def _message(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except Exception:  # a line with a mistake in it is better than none
            text = f"{record.msg!r} with {record.args!r}"
        return self._clean(text)

    def _exception(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        parts += [self.formatStack(record.stack_info)] if record.stack_info else []
        return self._clean("\n".join(parts))

    def _clean(self, text: str) -> str:
        return self._redact(text.encode(errors="backslashreplace").decode())  # half a surrogate cannot be written


class JsonFormatter(_Lines):
    """One JSON object a line, for machines that collect logs. What does not apply to a line is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, with its traceback if it has one."""
        handling = context.current()
        entry = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "instance": self._instance,
            "logger": record.name,
            "message": self._message(record),
            "request_id": handling.request_id,
            "trace_id": handling.trace_id,
            "span_id": handling.span_id,
            "method": handling.method,
            "job": handling.job,
            **{name: getattr(record, name, None) for name in _OF_A_REQUEST},
            "exception": self._exception(record),
        }
        return msgspec.json.encode({name: value for name, value in entry.items() if value not in ("", None)}).decode()


class TextFormatter(_Lines):
    """A line for eyes, and below it the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        handling = context.current()
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006  # the reader's own
        ids = {
            "request_id": handling.request_id,
            "trace_id": handling.trace_id,
            "method": handling.method,
            "job": handling.job,
        }
        about = " ".join(f"{name}={value}" for name, value in ids.items() if value)
        whose = self._instance or self._service
        line = f"{clock} {record.levelname:<7} {whose} {record.name}: {self._message(record)}"
        exception = self._exception(record)
        return line + (f" [{about}]" if about else "") + (f"\n{exception}" if exception else "")


def in_json(log_format: str, environment: str) -> bool:
    """Say whether lines are JSON, by LOG_FORMAT or else by AURELIUS_ENV."""
    return (log_format or {"production": "json"}.get(environment, "text")) == "json"


def configure(service: str, level: str, *, json: bool, instance: str = "", secrets: Iterable[str] = ()) -> None:
    """Send every logger's lines, and warnings, to standard error, as `json` or as text.

    `secrets` are the values that no line may hold.
    """
    handler = logging.StreamHandler(sys.stderr)
    redact = Redactor(secrets)
    form = JsonFormatter if json else TextFormatter
    handler.setFormatter(form(service, instance, redact))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(least)


def because(error: BaseException) -> str:
    """Return what an error came of, to end a line with; nothing when it came of nothing."""
    cause = error.__cause__
    return f" ({type(cause).__name__}: {cause})" if cause else ""


def catch_strays() -> None:
    """Log what Python would print: an exception that nobody caught, wherever it ended."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
    sys.unraisablehook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    log.critical("an error that nobody expected", exc_info=(kind, error or kind(), trace))
