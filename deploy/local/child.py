"""Runs one command so that it ends with the launcher, as another account where asked: prepares itself, then execs.

    python child.py PARENT_PID DEATH_SIGNAL ACCOUNT COMMAND...

ACCOUNT is `same`; `namespace:UID:GID` (a user namespace in which the caller appears as UID:GID); or `other:UID:GID`
(root gives itself up for that account). Standard library only, and run by path, so that it costs about 15 ms.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

CANNOT_RUN = 125
"""Exit status when the command was not reached, as `env` and `chroot` use it."""

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000


def main(arguments: list[str]) -> None:
    """Take on the account, then the death signal (a change of account clears it), then become the command."""
    parent, death_signal, account, *command = arguments
    try:
        _take_account(account)
        _die_with_parent(int(parent), int(death_signal))
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]} (account: {account}): {error}\n")
        sys.exit(CANNOT_RUN)


def _take_account(account: str) -> None:
    if account == "same":
        return
    kind, *ids = account.split(":")
    uid, gid = map(int, ids)
    if kind == "namespace":
        _enter_user_namespace(uid, gid)
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _enter_user_namespace(uid: int, gid: int) -> None:
    """Appear as uid:gid while files keep their real owner; see user_namespaces(7)."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _libc_call("unshare", _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def _die_with_parent(parent: int, death_signal: int) -> None:
    """Have the kernel send death_signal when the parent ends, however it ends (no other system has this call)."""
    if sys.platform == "linux":
        _libc_call("prctl", _PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it ended before the line above
        signal.raise_signal(signal.SIGKILL)


def _libc_call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*map(ctypes.c_ulong, arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
