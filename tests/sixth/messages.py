"""What the sixth service is asked. A real one's messages are in `shared.contracts.messages`, for those who ask."""

from shared.contracts.messages import Request


class CountChanges(Request[int], frozen=True, kw_only=True):
    """How many changes of an owner's strategies there were."""

    SERVICE = "sixth"
    METHOD = "changes.count"
    owner: str
