"""What is freed goes back to the system."""

import subprocess
import sys

import pytest

LOGINS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psutil
from argon2 import PasswordHasher

from shared.runtime.heap import give_back_large_blocks

if sys.argv[1] == "given back":
    give_back_large_blocks()
hasher, together, process = PasswordHasher(time_cost=1, memory_cost=19_456, parallelism=1), Barrier(4), psutil.Process()
hasher.hash("warm")
before = process.memory_info().rss

def log_in(_):
    together.wait()
    for _ in range(5):
        hasher.hash("correct horse")

with ThreadPoolExecutor(4) as pool:
    list(pool.map(log_in, range(4)))
    print((process.memory_info().rss - before) // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap")
def test_hashes_of_passwords_leave_nothing_behind() -> None:
    """Four at a time take 76 MiB; left to itself the C library would hold some of it for good."""

    def kept(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", LOGINS, how], check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert kept("given back") < 5
    assert kept("by itself") > 15
