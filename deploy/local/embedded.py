"""What the launcher and the tests need of an embedded server, whichever it is."""

from typing import Protocol

from deploy.local.program import Program


class EmbeddedServer(Protocol):
    """A server on a folder and a port of its own."""

    @property
    def url(self) -> str:
        """Where who may do everything finds it, password included."""
        ...

    def url_of(self, service: str) -> str:
        """Where a service finds it under its own account, password included."""
        ...

    async def prepare(self) -> None:
        """Make its folder ready. Raises StartError."""
        ...

    def program(self) -> Program:
        """Its command."""
        ...

    async def probe(self) -> str | None:
        """None when it can be used, else the reason why not."""
        ...
