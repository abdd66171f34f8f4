"""Log lines: readable text in development, one JSON object a line in production."""

import logging
import sys
from datetime import UTC, datetime

import msgspec

from shared.contracts.events import rfc3339


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines that collect logs."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, with its traceback if it has one."""
        entry = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def configure(service: str, level: str, *, production: bool) -> None:
    """Send every logger's lines to standard error in the form the environment wants."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(service) if production else logging.Formatter("%(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Granian announces each worker and warns of its embedded mode at every start.
    logging.getLogger("_granian").setLevel(logging.ERROR)
    logging.getLogger("granian").setLevel(logging.ERROR)
