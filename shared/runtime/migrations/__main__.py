"""`python -m shared.runtime.migrations services.strategy services.backtest`: migrate the named services' schemas."""

import logging
import os
import sys

from shared.runtime import logs
from shared.runtime.migrations.runner import MigrationFailed, migrate

log = logging.getLogger("migrations")


def main(packages: list[str]) -> int:
    """Migrate each package's schema; returns the exit code."""
    logs.configure("migrations", "INFO", production=os.environ.get("AURELIUS_ENV") == "production")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its own workings at every start
    url = os.environ.get("DATABASE_URL", "")
    if not url or not packages:
        log.error("usage: DATABASE_URL=postgresql://... python -m shared.runtime.migrations PACKAGE...")
        return 2
    for package in packages:
        try:
            migrate(url, package)
        except MigrationFailed as error:
            log.error("%s: %s", package, error)  # noqa: TRY400  # the sentence says it, a traceback would bury it
            return 1
        log.info("the schema of %s is up to date", package)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
