"""The lines in a real server: as an ACL file, in its configuration file, and set one by one."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from redis import Redis

from shared.runtime.acl.lines import acl_lines
from shared.runtime.acl.rights import OPERATOR, Server
from shared.runtime.acl.tests.guarded import Guarded, passwords_of, running

pytestmark = pytest.mark.integration

SERVERS: tuple[Server, ...] = ("bus", "cache")


def users_of(port: int, passwords: dict[str, str]) -> dict[str, object]:
    """Return all that the server knows of each user. Some servers list commands in an order of their own."""
    with Guarded(port, passwords).operator() as client:
        found = {name: client.acl_getuser(name) for name in client.acl_users()}
    assert all(user is not None for user in found.values())
    return {name: _sorted(user) for name, user in found.items()}


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=repr)
    return sorted(value.split()) if isinstance(value, str) else value


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_takes_the_lines_in_each_of_its_files_and_as_commands(
    server: Server, binary: str, tmp_path: Path
) -> None:
    """The same users come out, whatever was there before; a `#` begins no comment and nothing needs quotes."""
    passwords = passwords_of(server)
    lines = acl_lines(server, passwords)
    (tmp_path / "users.acl").write_text("".join(f"{line}\n" for line in lines))
    with running(tmp_path, binary, [f"aclfile {tmp_path / 'users.acl'}"]) as port:
        from_file = users_of(port, passwords)
    with running(tmp_path, binary, ["requirepass old", *lines]) as port:
        from_configuration = users_of(port, passwords)
    with running(tmp_path, binary, ["user gateway on nopass ~* +@all"]) as port:
        set_one_by_one(port, lines)
        one_by_one = users_of(port, passwords)
    assert set(from_file) == {"default", *passwords}
    assert from_file == from_configuration == one_by_one


def set_one_by_one(port: int, lines: Sequence[str]) -> None:
    """Do as an operator who has no way to the server's files, and is `default` up to the last line."""
    with Redis(port=port, protocol=2) as client:
        for line in lines:
            client.execute_command("ACL SETUSER", *line.split(" ")[1:])


def test_a_new_file_takes_effect_without_a_restart(binary: str, tmp_path: Path) -> None:
    """ACL LOAD: a user that has lost its line's password is shut out, the operator's connection stays."""
    passwords = passwords_of("bus")
    file = tmp_path / "users.acl"
    file.write_text("\n".join(acl_lines("bus", passwords)))
    with running(tmp_path, binary, [f"aclfile {file}"]) as port:
        server = Guarded(port, passwords)
        with server.operator() as operator:
            left = {user: password for user, password in passwords.items() if user != "metrics"}
            file.write_text("\n".join(acl_lines("bus", left)))
            assert operator.acl_load()
            assert "off" in (operator.acl_getuser("metrics") or {})["flags"]
            assert "on" in (operator.acl_getuser(OPERATOR) or {})["flags"]
