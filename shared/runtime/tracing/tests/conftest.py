"""What these tests have in common with the runtime's."""

from shared.runtime.tests.conftest import bus, database, redis

__all__ = ["bus", "database", "redis"]
