"""Whose processor time is told: the platform's, or nobody's. With a platform: tests/e2e/test_load.py."""

import socket

import pytest

from cli.load.processes import NotHere, ServerUse, Use, Watch, used_since
from deploy.local.ports import free_ports


def test_another_program_is_not_taken_for_the_platform() -> None:
    """Such as the proxy in front of a container."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NotHere, match="no gateway"):
        Watch(server.getsockname()[:2])


def test_another_machine_is_not_taken_for_this_one() -> None:
    """Though somebody listens on the same port here."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NotHere, match="another machine"):
        Watch(("192.0.2.1", server.getsockname()[1]))


def test_what_has_ended_is_counted_from_then_on_only() -> None:
    """Its parent has its time, with what it had used before; so has its parent's parent, when that has ended too."""
    before = {"launcher": 1.0, "postgres": 2.0, "session": 30.0, "gone": 5.0, "child of gone": 7.0}
    parents = {"postgres": "launcher", "session": "postgres", "gone": "launcher", "child of gone": "gone"}
    now = {"launcher": 13.5, "postgres": 32.25, "new": 0.25}
    used = used_since(before, now, {"launcher": "outside", **parents})
    assert used == {"launcher": 0.5, "postgres": 0.25, "new": 0.25}


def test_nobody_there_is_told() -> None:
    """Rather than a zero."""
    (port,) = free_ports(1, "127.0.0.1")
    with pytest.raises(NotHere, match="listens there"):
        Watch(("127.0.0.1", port))


def test_memory_is_that_of_all_python_processes() -> None:
    """Servers in other languages are told beside it, and what is not known makes no sum."""

    def use(name: str, size: float | None, *, python: bool = True) -> Use:
        return Use(name=name, number=1, python=python, cpu_percent=1.0, pss_mb=size)

    def all_of(*uses: Use) -> ServerUse:
        return ServerUse(processors=2, cpu_percent=3, others_percent=0, processes=list(uses))

    some = (use("gateway", 70.5), use("metrics", 50), use("postgres", 400, python=False))
    assert all_of(*some).python_pss_mb == 120.5
    assert all_of(*some, use("strategy", None)).python_pss_mb is None
