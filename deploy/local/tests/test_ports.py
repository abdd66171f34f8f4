"""Handing out ports, and refusing those that are taken."""

import errno
import socket
from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.ports import free_ports, require_free


def test_free_ports_can_be_listened_on() -> None:
    """All different, and all of them free at once."""
    ports = free_ports(8, "127.0.0.1")
    assert len(set(ports)) == 8
    listening = [socket.create_server(("127.0.0.1", port)) for port in ports]
    for server in listening:
        server.close()


def test_free_ports_are_not_those_of_outgoing_connections() -> None:
    """While a server restarts, no outgoing connection of this machine can take its port."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(free_ports(50, "127.0.0.1")) < first


def test_free_ports_leave_out_what_is_promised() -> None:
    """A port that is to be used elsewhere is not handed out, though it is free still."""
    promised = range(20_000, 32_768 - 2)
    assert set(free_ports(2, "127.0.0.1", but_not=promised)) == {32_766, 32_767}
    with pytest.raises(StartError, match="fewer than 3 free ports"):
        free_ports(3, "127.0.0.1", but_not=promised)


def test_taken_port_is_refused() -> None:
    """The message names the port, the host and a setting that works."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StartError, match=rf"port {port} on 127\.0\.0\.1 is in use.*PORT=\d+") as refusal:
            require_free("PORT", "127.0.0.1", port)
    require_free("PORT", "127.0.0.1", int(str(refusal.value).rsplit("=", 1)[1]))


def test_port_is_free_as_soon_as_its_server_is_gone() -> None:
    """Connections in TIME_WAIT do not keep a restart waiting."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()
    require_free("PORT", "127.0.0.1", port)


def test_host_of_another_machine_is_refused() -> None:
    """An address this machine does not have, or a name that nobody has: the reason is told, and what HOST may be."""
    for host in ("192.0.2.1", "nobody.invalid"):
        with pytest.raises(StartError, match=rf"HOST={host} PORT=8000: .*\. HOST is an address of this machine"):
            require_free("PORT", host, 8000)


def test_port_that_only_root_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is to be changed, not the host."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(StartError, match=r"PORT=80: Permission denied\. Ports below 1024 .* choose a higher one"):
        require_free("PORT", "127.0.0.1", 80)
