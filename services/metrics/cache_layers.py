"""Where the checker of the caches looks: the database behind the services, the cache server, each gateway process."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from shared.cache.keys import object_type
from shared.cache.looking import Looks
from shared.contracts.cache_messages import ForgetObjects, ObjectVersions, ReadVersions
from shared.contracts.cache_probes import AnswerShown, CacheProbe, CacheShown
from shared.contracts.errors import ServiceError
from shared.contracts.ids import new_id
from shared.contracts.objects import keeper_of
from shared.contracts.streams import CACHE_PROBES, checks_of
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.writer import StreamWriter

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 2.0
"""So long a service may take."""
PATIENCE: Final = 0.5
"""So long the gateway's processes may take: how many there are nobody knows."""
KEPT: Final = 100

_SHOWN = msgspec.json.Decoder(CacheShown)


class Layer(Protocol):
    """One level of the cache."""

    async def shown(self, objects: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Return by process the lowest version it would serve of each. Raises Unavailable."""
        ...


class Keepers:
    """The services that keep versions, and the one that has the caches forget. They are sent checks, not requests."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def versions(self, objects: Sequence[str]) -> dict[str, int]:
        """Return the committed versions. Those of a service that does not answer are left out."""
        of_keeper: dict[str, list[str]] = {}
        for obj in objects:
            of_keeper.setdefault(keeper_of(object_type(obj)), []).append(obj)
        parts = await asyncio.gather(*(self._read(keeper, asked) for keeper, asked in of_keeper.items()))
        return {obj: version for part in parts for obj, version in part.items()}

    async def forget(self, objects: Sequence[str]) -> None:
        """Have the caches forget these objects. Raises a ServiceError."""
        message = ForgetObjects(objects=list(objects))
        await self._caller.ask(message, service=checks_of(message.SERVICE), seconds=ANSWER_SECONDS)

    async def _read(self, keeper: str, objects: list[str]) -> dict[str, int]:
        try:
            message = ReadVersions(objects=objects)
            reply = await self._caller.ask(message, service=checks_of(keeper), seconds=ANSWER_SECONDS)
        except ServiceError as error:
            log.info("the caches are not checked: %s", error)
            return {}
        return msgspec.json.decode(reply.body, type=ObjectVersions).versions


class SharedLayer:
    """The second level, which is one process."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def shown(self, objects: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Look. Raises Unavailable."""
        return {"": await self._looks.shown(objects)}


class GatewayLayer:
    """The first level, in each process of the gateway.

    It is asked over the bus, never over the cache's feed: behind an announcement on the same line the answer would
    always be right. It is given `patience` seconds, twice as long for what it has to ask others for.
    """

    def __init__(self, writer: StreamWriter, patience: float = PATIENCE) -> None:
        self._writer = writer
        self._patience = patience
        self._answers: dict[str, dict[str, CacheShown]] = {}

    async def shown(self, objects: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Ask, and return what was heard. Raises Unavailable."""
        heard = await self._ask(CacheProbe(id=new_id(), objects=list(objects)), self._patience)
        return {process: shown.versions for process, shown in heard.items()}

    async def answers(self, obj: str) -> Mapping[str, list[AnswerShown]]:
        """Return by process what it would answer about an object, and what the database says. Raises Unavailable."""
        heard = await self._ask(CacheProbe(id=new_id(), objects=[obj], answers=True), 2 * self._patience)
        return {process: shown.answers for process, shown in heard.items()}

    async def names(self) -> list[str]:
        """Return the names of objects that the processes could answer about, one of each. Raises Unavailable."""
        heard = await self._ask(CacheProbe(id=new_id(), objects=[], names=True), self._patience)
        return [name for shown in heard.values() for name in shown.names]

    async def _ask(self, probe: CacheProbe, seconds: float) -> dict[str, CacheShown]:
        answers = self._answers[probe.id] = {}
        try:
            command = ("XADD", CACHE_PROBES, "MAXLEN", KEPT, "*", "probe", msgspec.json.encode(probe))
            await self._writer.submit(*command)
            await asyncio.sleep(seconds)
        finally:
            del self._answers[probe.id]
        return answers

    def heard(self, fields: Mapping[bytes, bytes]) -> None:
        """Take in an answer; one that nobody waits for (it came late, or is another's) is left out."""
        try:
            shown = _SHOWN.decode(fields.get(b"shown", b""))
        except msgspec.MsgspecError:
            return
        answers = self._answers.get(shown.probe)
        if answers is not None:
            answers[shown.process] = shown
