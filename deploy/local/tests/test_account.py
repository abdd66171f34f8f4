"""Under which account Postgres runs."""

import os
import pwd
from pathlib import Path

import pytest

from deploy.local.account import Account, can_run, postgres_account


def test_normal_user_needs_no_other_account() -> None:
    """Who is not root runs Postgres as himself; root never does."""
    assert (postgres_account().kind == "same") == (os.geteuid() != 0)


def test_stand_in_has_a_name() -> None:
    """initdb refuses a user whose name it cannot look up."""
    pwd.getpwuid(postgres_account().uid)


@pytest.mark.parametrize(
    ("account", "text"),
    [
        (Account("same", 0, 0), "same"),
        (Account("namespace", 7, 8), "namespace:7:8"),
        (Account("other", 7, 8), "other:7:8"),
    ],
)
def test_form_the_wrapper_reads(account: Account, text: str) -> None:
    """Each kind as `child.py` takes it."""
    assert str(account) == text


def test_files_belong_to_who_works_on_them() -> None:
    """In a namespace the files stay the launcher's own; only another account needs them given to it."""
    own = (os.geteuid(), os.getegid())
    assert Account("same", *own).owner == own
    assert Account("namespace", 7, 8).owner == own
    assert Account("other", 7, 8).owner == (7, 8)


def test_can_run_looks_at_the_exit_status(tmp_path: Path) -> None:
    """A command that fails, or is not there, cannot be run."""
    own = Account("same", os.geteuid(), os.getegid())
    assert can_run(own, "/bin/sh", "-c", "exit 0")
    assert not can_run(own, "/bin/sh", "-c", "exit 1")
    assert not can_run(own, str(tmp_path / "absent"))
