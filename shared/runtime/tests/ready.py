"""Whether a service is ready, for tests that wait until it is."""

from shared.runtime.service import Service


async def is_ready(service: Service) -> bool:
    """Say whether all its checks pass. Each has less than a second, which a busy machine does not always give it."""
    return (await service.health.ready()).status == "ok"
