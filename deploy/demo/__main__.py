"""`python -m deploy.demo URL FOLDER`: make the demo on the platform at URL; see `seeding.seed` for what FOLDER holds.

Its last line says what was made, or why not. Exit status 0: it is there. 1: it cannot be made. 75: try again later.
"""

import sys
from pathlib import Path

from deploy.demo.api import Api, NoAnswer
from deploy.demo.seeding import CannotSeed, seed

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    address, folder = arguments
    try:
        made = seed(Api(address), Path(folder))
    except (CannotSeed, OSError) as error:
        _say(error)
        return 1
    except NoAnswer as error:
        _say(error)
        return TRY_AGAIN
    if made is not None:
        _say(made)
    return 0


def _say(text: object) -> None:
    """One line, whatever a proxy may have answered in place of the platform."""
    sys.stdout.write(f"{' '.join(str(text).split())}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
