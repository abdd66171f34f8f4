"""`python -m services.backtest.compile_kernels`: compiles every kernel that a job can come to, and keeps them.

Who wants them loads them from there (`warm_up.py`). It ends when its parent closes its standard input, however that
comes about: half of the kernels are no use to anybody, and the next process begins anew.
"""

import os
import signal
import sys
import threading

from services.backtest.warm_up import all_kernels


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):  # unbuffered: the interpreter's end would wait for a buffer's lock
        pass
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal's whole group; the parent says when to end
    threading.Thread(target=_end_with_parent, daemon=True).start()
    all_kernels()
