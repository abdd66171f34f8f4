"""`python -m tests.consistency [--duration SECONDS] [--seed NUMBER]`: run, print the verdict, exit 0 when it passed.

SIGINT or SIGTERM ends it early, and ends all that it started.
"""

import sys

from tests.consistency.run import run
from tests.faults.command import command

if __name__ == "__main__":
    sys.exit(
        command(
            run,
            name="tests.consistency",
            folder_name="consistency",
            document=__doc__,
            duration="seconds under load, without the mutants",
            seed="of the faults",
        )
    )
