"""What the metrics service asks every gateway process about its own cache, past the feed, and what each answers."""

from typing import Literal

from shared.contracts.values import Value

ShownBy = Literal["l1", "database"]
"""Who gives an answer: the process by itself, or the service that was just asked for it."""


class CacheProbe(Value, frozen=True, kw_only=True):
    """A question, on the stream of probes: what would you serve of these objects right now?

    With `answers` there is one object, and its answers themselves are asked for, with what the database says to the
    same questions. With `names` there is none: the name of any object is asked for that you could answer about.
    """

    id: str
    objects: list[str]
    answers: bool = False
    names: bool = False


class AnswerShown(Value, frozen=True, kw_only=True):
    """One answer about an object: to which question (as it is named in the cache server), its version, its digest.

    The digest is of all that a client is given. Two answers to one question at one version have the same.
    """

    variant: str
    by: ShownBy
    version: int
    digest: str


class CacheShown(Value, frozen=True, kw_only=True):
    """What one process says: the lowest version it would serve of each object that it would serve anything of.

    To a question for answers, or for a name, it says these instead.
    """

    probe: str
    process: str
    versions: dict[str, int] = {}
    answers: list[AnswerShown] = []
    names: list[str] = []
