"""`python -m shared.runtime.acl bus|cache`: print an ACL file, its passwords from <USER>_BUS_URL or <USER>_REDIS_URL.

`python -m shared.runtime.acl rights` prints who may do what, as it stands in docs/redis-users.md.
"""

import os
import sys
from collections.abc import Mapping

from shared.runtime.acl.document import rights_document
from shared.runtime.acl.lines import UnusablePassword, acl_lines
from shared.runtime.acl.passwords import passwords_from, variable
from shared.runtime.acl.rights import USERS, Server
from shared.runtime.environment import SettingsError

USAGE = "usage: python -m shared.runtime.acl bus|cache|rights"


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Print what is asked for; returns the exit code. An ACL file knows no comments: notes go to standard error."""
    match arguments:
        case ["rights"]:
            sys.stdout.write(rights_document())
            return 0
        case ["bus" | "cache" as server]:
            return _print_file(server, environ)
        case _:
            _say(USAGE)
            return 2


def _print_file(server: Server, environ: Mapping[str, str]) -> int:
    try:
        known = passwords_from(environ, server)
        lines = acl_lines(server, known)
    except (SettingsError, UnusablePassword) as error:
        _say(str(error))
        return 1
    missing = [user for user in USERS[server] if user not in known]
    if not known:
        _say(f"nobody could log in: set {', '.join(variable(server, user) for user in missing)}")
        return 1
    for user in missing:
        _say(f"{variable(server, user)} is not set: the user {user} is off")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"acl: {text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
