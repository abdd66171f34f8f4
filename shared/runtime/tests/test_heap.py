"""What is freed goes back to the system."""

import subprocess
import sys

import pytest

from shared.runtime.heap import code_of

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


MAPS = """\
5599-559a r-xp 00001000 fe:00 11 /usr/bin/python3.11
7f00-7f01 r--p 00000000 fe:00 12 /venv/lib/libllvmlite.so
7f01-7f05 r-xp 00001000 fe:00 12 /venv/lib/libllvmlite.so
7f05-7f06 r--p 00005000 fe:00 12 /venv/lib/libllvmlite.so
7f06-7f07 rw-p 00006000 fe:00 12 /venv/lib/libllvmlite.so
7f07-7f08 rwxp 00007000 fe:00 12 /venv/lib/libllvmlite.so
7f08-7f09 r-xp 00000000 00:00 0
7f09-7f0a r-xp 00000000 00:00 0 [libllvmlite]
7f0a-7f0b r-xp 00000000 fe:00 13 /libllvmlite/a folder/libother.so
"""


def test_only_code_that_is_as_in_its_file_is_let_go_of() -> None:
    """Anything else would be lost: what the linker has written, what was compiled, another library."""
    assert list(code_of("libllvmlite", MAPS.splitlines())) == [(0x7F01, 0x7F05)]


COMPILED = """
import re
from pathlib import Path

from numba import njit

from shared.runtime.heap import give_back_code


def resident():
    parts = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    code = [part for part in parts if "libllvmlite" in part and " r-xp " in part]
    return sum(int(re.search(r"Rss: +(\\d+) kB", part)[1]) for part in code)


def twice(x):
    return 2 * x


assert njit(twice)(2) == 4
before = resident()
give_back_code("libllvmlite")
after = resident()
assert njit(lambda x: 3 * x)(2) == 6
print(before, after)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="procfs")
def test_a_library_whose_code_was_let_go_of_works_as_before() -> None:
    """The compiler's: most of its pages are gone, and it compiles."""
    done = subprocess.run([sys.executable, "-c", COMPILED], check=True, capture_output=True, text=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 10
