"""What a stopped reader was given and has not seen: entries on their way when its read was cut off.

FastStream ends a reader by cancelling its task. A read that the server was answering at that moment is lost here, while
the server counts its entries as delivered: they would wait until another process takes them for a dead one's.
"""

from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.runtime.bus.batches import entries_read
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.writer import StreamWriter


async def unread_entries(writer: StreamWriter, subscriber: StreamBatchSubscriber) -> list[Entry]:
    """Return what the bus has given this stopped reader of a group and nobody has acknowledged. Raises Unavailable."""
    sub = subscriber.stream_sub
    # By way of the writer, behind what it has still to acknowledge: or what was just done would come again.
    answer = await writer.submit("XREADGROUP", "GROUP", str(sub.group), str(sub.consumer), "STREAMS", sub.name, "0")
    return [Entry(*entry) for entry in entries_read(answer)]
