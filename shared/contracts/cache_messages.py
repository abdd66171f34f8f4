"""Requests about the cache, of administrators; `messages` has them all."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from shared.contracts.objects import Keeper
from shared.contracts.request import Request
from shared.contracts.values import Value

CacheState = Literal["open", "closed", "unknown"]
"""Whether reads are served: not while it is closed, which it is from a loss until the services have opened it."""


class CachedType(Value, frozen=True, kw_only=True):
    """What happened to the objects of one type, in all processes since they began; `hit_rate` is a fraction.

    It is of the reads that asked the cache, null before the first: `l1_hits` were answered by a gateway from what it
    holds itself, `hits` by the cache server, `misses` by neither. Bypasses and refusals are by reason.
    """

    type: str
    l1_hits: int
    hits: int
    misses: int
    hit_rate: float | None
    fills: int
    invalidations: int
    bypasses: dict[str, int]
    fills_refused: dict[str, int]


class CacheDescription(Value, frozen=True, kw_only=True):
    """The cache server, and how it is used. Bytes and keys are null while it does not answer.

    `state` is by service: each opens the objects whose versions it keeps.
    """

    enabled: bool
    connected: bool
    used_memory_bytes: int | None
    total_keys: int | None
    state: dict[Keeper, CacheState]
    l1_hits: int
    hits: int
    misses: int
    hit_rate: float | None
    types: list[CachedType]


class DescribeCache(Request[CacheDescription], frozen=True, kw_only=True):
    """Describe the cache and its use."""

    SERVICE: ClassVar[str] = "metrics"
    METHOD: ClassVar[str] = "cache.describe"


class PurgeCache(Request[None], frozen=True, kw_only=True):
    """Forget what is cached: one object, all of a type, or all. Nothing but speed is lost."""

    SERVICE: ClassVar[str] = "invalidator"
    METHOD: ClassVar[str] = "cache.purge"
    type: Annotated[str, Meta(pattern=r"^[a-z][a-z_]{0,31}$")] | None = None
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}$")] | None = None


class ObjectVersions(Value, frozen=True, kw_only=True):
    """Objects with the versions that their database holds; one that was never changed is not among them."""

    versions: dict[str, int]


class ReadVersions(Request[ObjectVersions], frozen=True, kw_only=True):
    """Read the committed versions of objects, of the service that keeps them. A check: nobody need be logged in."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "versions.read"
    objects: Annotated[list[str], Meta(max_length=200)] = []


class ForgetObjects(Request[None], frozen=True, kw_only=True):
    """Have the caches forget these objects, in which something wrong was found. A check: nothing but speed is lost."""

    SERVICE: ClassVar[str] = "invalidator"
    METHOD: ClassVar[str] = "cache.forget"
    objects: Annotated[list[str], Meta(max_length=200)] = []
