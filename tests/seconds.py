"""How long what is promised within so many seconds may take."""

import os

# Side by side with others (`make test`) what a test looks at is not let run whenever it could; in one process
# (`make verify`, or a test by its name) it is held to the second.
_TIMES = 4 if "PYTEST_XDIST_WORKER" in os.environ else 1


def allowed(promised: float) -> float:
    """Return the seconds after which a test may say that a promise was not kept."""
    return _TIMES * promised
