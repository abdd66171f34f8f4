"""`python -m deploy.local`: start everything, run until told to stop, end everything."""

import asyncio
import os
import sys

from deploy.local.diagnosis import advice_on, package_is_missing
from deploy.local.errors import StartError
from deploy.local.output import Output
from deploy.local.required_packages import missing_package
from deploy.local.settings import read_settings
from deploy.local.terminal import own_foreground


def main() -> int:
    """The exit status: 0 after a stop by signal, 1 when it could not be started."""
    output = Output(sys.stdout)
    try:
        with own_foreground(os.environ):
            _run(output)
    except StartError as error:
        reason = str(error)
    except ModuleNotFoundError as error:
        reason = package_is_missing(error.name or "a package")
    except OSError as error:
        advice = advice_on(error)
        reason = f"{error}. {advice}" if advice else str(error)
    else:
        return 0
    output.error(f"cannot start: {reason}")
    return 1


def _run(output: Output) -> None:
    if (missing := missing_package()) is not None:
        raise StartError(package_is_missing(missing))
    from deploy.local.launcher import run_until_stopped  # needs some of those packages

    asyncio.run(run_until_stopped(read_settings(os.environ), output))


if __name__ == "__main__":
    sys.exit(main())
