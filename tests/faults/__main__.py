"""`python -m tests.faults [--duration SECONDS] [--seed NUMBER]`: run, print the verdict, exit 0 when it passed.

SIGINT or SIGTERM ends it early, and ends all that it started.
"""

import sys

from tests.faults.command import command
from tests.faults.run import run

if __name__ == "__main__":
    sys.exit(
        command(
            run,
            name="tests.faults",
            folder_name="chaos",
            document=__doc__,
            duration="seconds under load",
            seed="of the schedule",
        )
    )
