"""The account embedded Postgres runs under: it refuses to run as root, and to be set up by a user without a name."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

from deploy.local.errors import StartError
from deploy.local.program import Program

_STAND_IN = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """`same`: the launcher's own. `namespace`: its own, appearing as `uid` in a user namespace. `other`: `uid`."""

    kind: Literal["same", "namespace", "other"]
    uid: int
    gid: int

    @property
    def owner(self) -> tuple[int, int]:
        """The uid and gid that the files it works on must have."""
        return (self.uid, self.gid) if self.kind == "other" else (os.geteuid(), os.getegid())

    def __str__(self) -> str:
        """In the form of `child.py`."""
        return "same" if self.kind == "same" else f"{self.kind}:{self.uid}:{self.gid}"


def postgres_account() -> Account:
    """The launcher's own account if Postgres takes it, else the first way round that works on this machine.

    Raises StartError when none does.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _has_name(uid):
        return Account("same", uid, gid)
    stand_in = _stand_in()
    for account in (Account("namespace", *stand_in), Account("other", *stand_in)):
        if can_run(account, shutil.which("true") or "/bin/true"):
            return account
    who = "root" if uid == 0 else f"a user without a name (uid {uid})"
    raise StartError(
        f"Postgres refuses to run as {who}, and neither a user namespace nor another account can be used here. "
        "Run as a normal user, or name a Postgres of your own: DATABASE_URL=postgresql://..."
    )


def can_run(account: Account, *command: str) -> bool:
    """Whether this process may start the command under the account, and the command succeeds."""
    program = Program("probe", command, account=str(account))
    return subprocess.run(program.wrapped(), check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _stand_in() -> tuple[int, int]:
    """An account with a name and no rights."""
    try:
        entry = pwd.getpwnam(_STAND_IN)
    except KeyError:
        raise StartError(f"Postgres needs a user other than root, and this machine has no user {_STAND_IN}") from None
    return entry.pw_uid, entry.pw_gid
