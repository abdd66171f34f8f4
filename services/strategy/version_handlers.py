"""The versions of a strategy: every spec that it has had, as long as it is there. Another owner's are not found."""

from services.strategy.core.version_cursor import MAX_VERSION, newest_of_page
from services.strategy.store.versions import list_versions, read_version
from shared.contracts.errors import NotFound
from shared.contracts.ids import is_id
from shared.contracts.messages import ListStrategyVersions, ReadStrategyVersion
from shared.contracts.objects import strategy_object
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database


class VersionHandlers:
    """Versions are read here; a strategy's own writes make them, and its deletion ends them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_all(self, message: ListStrategyVersions, call: Call) -> Answer:
        """Answer a page, the newest first. Raises NotFound, Malformed for a cursor of something else."""
        newest = newest_of_page(message.cursor, message.id)
        found = None
        if is_id(message.id):
            async with self._database.reading() as connection:
                found = await list_versions(connection, message.id, call.user.user_id, newest, message.limit)
        if found is None:
            raise NotFound(f"There is no strategy {message.id}")
        page, object_version = found
        return Answer(page, {strategy_object(message.id): object_version})

    async def read(self, message: ReadStrategyVersion, call: Call) -> Answer:
        """Answer one version. Raises NotFound."""
        found = None
        if is_id(message.id) and 1 <= message.version <= MAX_VERSION:
            async with self._database.reading() as connection:
                found = await read_version(connection, message.id, call.user.user_id, message.version)
        if found is None:
            raise NotFound(f"There is no version {message.version} of strategy {message.id}")
        version, object_version = found
        return Answer(version, {strategy_object(message.id): object_version})
