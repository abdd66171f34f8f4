"""`python -m shared.runtime.migrations services.strategy services.backtest`: bring the services' schemas up to date.

DATABASE_URL is the owner's. A service with a `<SERVICE>_DATABASE_URL` gets the role that it names.
"""

import asyncio
import logging
import os
import sys

from shared.runtime import logs
from shared.runtime.migrations.runner import OWNER_VARIABLE, migrate_in, service_variable
from shared.runtime.migrations.sentences import MigrationFailed

log = logging.getLogger("migrations")


def main(packages: list[str]) -> int:
    """Migrate each package's schema; returns the exit code."""
    json = logs.in_json(os.environ.get("LOG_FORMAT", ""), os.environ.get("AURELIUS_ENV", ""))
    logs.configure("migrations", "INFO", json=json)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its own workings at every start
    url = _variable(OWNER_VARIABLE)
    if not url or not packages:
        log.error("usage: DATABASE_URL=postgresql://... python -m shared.runtime.migrations PACKAGE...")
        return 2
    return asyncio.run(_migrate(url, packages))


async def _migrate(url: str, packages: list[str]) -> int:
    for package in packages:
        variable = service_variable(package)
        service_url = _variable(variable)
        try:
            role = await migrate_in(url, package, service_url)
        except MigrationFailed as error:
            log.error("%s: %s", package, error)  # noqa: TRY400  # the sentence says it, a traceback would bury it
            return 1
        if role:
            log.info("the schema of %s is up to date, and so is its role %s", package, role)
        elif service_url:
            log.info("the schema of %s is up to date; %s names the owner: no role of its own", package, variable)
        else:
            log.info("the schema of %s is up to date", package)
    return 0


def _variable(name: str) -> str:
    """Space around a value is none of it: files add line ends."""
    return os.environ.get(name, "").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
