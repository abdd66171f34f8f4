"""An outside consumer of events: plain redis-py, a group of its own, a line for each entry before it is acknowledged.

    BUS_URL=redis://... python -m tests.faults.consumer LOG SEED

It does what docs/outside-consumers.md says, and now and then dies of itself between its line and the acknowledgement.
"""

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from redis import Redis, RedisError, ResponseError

STREAMS = ("aurelius.events.strategy", "aurelius.events.backtest")
GROUP, NAME = "chaos", "chaos-1"
DEATHS = 0.004
"""The chance to die at a batch."""


def main(log: str, seed: str) -> None:
    """Read until killed."""
    rng = random.Random(f"{seed}/{time.monotonic()}")
    with Path(log).open("a", buffering=1) as file:
        while True:
            try:
                with Redis.from_url(os.environ["BUS_URL"], protocol=2, decode_responses=True, socket_timeout=3) as bus:
                    read(bus, file, rng)
            except (RedisError, OSError) as error:
                file.write(json.dumps({"what": "trouble", "at": time.monotonic(), "error": repr(error)[:200]}) + "\n")
                time.sleep(0.2)


def read(bus: "Redis", file: TextIO, rng: random.Random) -> None:
    """Read through the group, which is made when it is not there. Raises RedisError when the bus is away or lost it."""
    for stream in STREAMS:
        try:
            bus.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
    place = "0"
    while True:
        answer: Any = bus.xreadgroup(GROUP, NAME, dict.fromkeys(STREAMS, place), count=100, block=1000)
        for stream, entries in answer:
            for entry, fields in entries:
                line = {"what": "event", "at": round(time.monotonic(), 4), "stream": stream, "entry": entry}
                # An entry that was deleted while it was pending comes back without fields.
                file.write(json.dumps({**line, "fields": fields}) + "\n")
            if entries and rng.random() < DEATHS:
                os._exit(1)
            if entries:
                bus.xack(stream, GROUP, *(entry for entry, _ in entries))
        if not any(entries for _, entries in answer):
            place = ">"


if __name__ == "__main__":
    main(*sys.argv[1:])
