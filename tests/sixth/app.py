"""The sixth service's composition."""

from shared.contracts.streams import event_stream
from shared.runtime.service import Service
from tests.sixth.handlers import Changes
from tests.sixth.messages import CountChanges
from tests.sixth.settings import SixthSettings


def compose(settings: SixthSettings) -> Service:
    """Return the service, wired."""
    service = Service("sixth", settings)
    changes = Changes()
    service.consume(event_stream("strategy"), changes.take)
    service.requests().handle(CountChanges, changes.count)
    return service
