"""`python -m services.backtest.ingest_process`: reads uploads, one after another, apart from the service.

Files come from outside. One that is made to break the libraries that read it, to take all memory or all time ends this
process, and its upload is refused; the service goes on. It ends when its parent closes its standard input.
"""

import os
import queue
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from services.backtest.core.ingest.description import describe
from services.backtest.core.ingest.refusals import refused
from services.backtest.files.bars_file import read_bars_file
from services.backtest.files.dataset_file import write_bars
from services.backtest.ingest_messages import BREAKS, IngestJob, IngestReply
from shared.contracts.errors import ErrorBody, ServiceError, Unavailable

MEMORY_BYTES = 1024**3
"""What one upload may take, besides what the process takes to begin with: five million bars need half of it."""

BIG = 1_000_000
"""After an upload of more bars the process ends, and gives back the memory that such a one takes."""

TOO_MUCH_MEMORY = (
    "needs more memory to be read than five million bars do, whatever it holds: "
    "write it anew with an ordinary library's defaults, or as CSV"
)


def main() -> None:
    """Answer jobs until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal's whole group; the parent says when to end
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _limit_memory()
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        reply = _answer(msgspec.json.decode(jobs.get(), type=IngestJob))
        replies.write(msgspec.json.encode(reply) + b"\n")
        replies.flush()


def _listen(lines: BinaryIO, jobs: "queue.SimpleQueue[bytes]") -> None:
    """Take jobs while others are done, so that the end of the parent is seen at once."""
    for line in lines:
        jobs.put(line)
    os._exit(0)


def _answer(job: IngestJob) -> IngestReply:
    # The end by SIGPROF cannot be put off by whatever a library is doing.
    signal.setitimer(signal.ITIMER_PROF, job.cpu_seconds)
    try:
        zone = ZoneInfo(job.timezone)
        upload = read_bars_file(Path(job.upload), zone)
        description = describe(upload, job.interval, zone)
        write_bars(Path(job.bars), upload.bars)
        return IngestReply(description=description, last=description.rows > BIG)
    except ServiceError as error:
        return IngestReply(error=ErrorBody.of(error))
    except MemoryError:
        return IngestReply(error=ErrorBody.of(refused(TOO_MUCH_MEMORY)), last=True)
    except OSError:
        away = Unavailable("The upload cannot be read, or its bars not be written, at the moment; send it again")
        return IngestReply(error=ErrorBody.of(away), trouble=traceback.format_exc())
    except Exception:  # no file may be answered with an error of ours
        return IngestReply(error=ErrorBody.of(refused(BREAKS)), last=True, trouble=traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    statm = Path("/proc/self/statm")
    if statm.exists():  # elsewhere than on Linux there is no such limit, or none that is kept
        taken = int(statm.read_text().split()[0]) * resource.getpagesize()
        limit = taken + MEMORY_BYTES
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


if __name__ == "__main__":
    main()
