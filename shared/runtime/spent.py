"""Where the time of one request goes in the service that handles it, added up over the tasks that it starts."""

from contextvars import ContextVar


class Spent:
    """Seconds in which connections to the database were held, added up where several were at once."""

    __slots__ = ("database",)

    def __init__(self) -> None:
        self.database = 0.0


_current: ContextVar[Spent | None] = ContextVar("spent", default=None)


def begin() -> Spent:
    """Add up from now on, in this task and those it starts: for a task that handles nothing else."""
    spent = Spent()
    _current.set(spent)
    return spent


def on_database(seconds: float) -> None:
    """Add time to what this task handles, if that is a request."""
    spent = _current.get()
    if spent is not None:
        spent.database += seconds
