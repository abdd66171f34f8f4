"""What the metrics service asks every gateway process about its own cache, past the feed, and what each answers."""

from shared.contracts.values import Value


class CacheProbe(Value, frozen=True, kw_only=True):
    """A question, on the stream of probes: what would you serve of these objects right now?"""

    id: str
    objects: list[str]


class CacheShown(Value, frozen=True, kw_only=True):
    """The answer of one process: the lowest version it would serve of each object that it would serve anything of."""

    probe: str
    process: str
    versions: dict[str, int]
