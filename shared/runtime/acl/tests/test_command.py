"""`python -m shared.runtime.acl`."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.runtime.acl.__main__ import main
from shared.runtime.acl.document import rights_document
from shared.runtime.acl.lines import acl_lines

ROOT = Path(__file__).parents[4]
ADDRESSES = {
    f"{user.upper()}_BUS_URL": f"redis://{user}:the-password-of-{user}@127.0.0.1:6379/0"
    for user in ("gateway", "strategy", "backtest", "invalidator", "metrics", "consumer", "operator")
}
PASSWORDS = {
    name.removesuffix("_BUS_URL").lower(): url.split(":")[2].partition("@")[0] for name, url in ADDRESSES.items()
}


def test_it_prints_a_file_that_a_server_can_load(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line a user, nothing else; no password anywhere."""
    assert main(["bus"], ADDRESSES) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == acl_lines("bus", PASSWORDS)
    assert printed.err == ""
    assert "the-password" not in printed.out


def test_a_user_without_an_address_is_off_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the file, since a server refuses one with comments."""
    only = {"OPERATOR_REDIS_URL": "redis://operator:long-enough-to-be-one@cache/0"}
    assert main(["cache"], only) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == acl_lines("cache", {"operator": "long-enough-to-be-one"})
    assert printed.err.splitlines() == [
        f"acl: {user.upper()}_REDIS_URL is not set: the user {user} is off"
        for user in ("gateway", "strategy", "backtest", "invalidator", "metrics")
    ]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"GATEWAY_BUS_URL": "redis://gateway:short@bus/0"}, "the password of gateway is too short"),
        ({"GATEWAY_BUS_URL": "redis://:long-enough-to-be-one@bus/0"}, "GATEWAY_BUS_URL must log in as gateway"),
        ({"BUS_URL": "redis://:long-enough-to-be-one@bus/0"}, "nobody could log in: set GATEWAY_BUS_URL, STRATEGY_"),
    ],
)
def test_what_would_lock_a_service_out_is_no_file(
    environ: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, and nothing that could be taken for a file."""
    assert main(["bus"], environ) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"acl: {said}")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["redis"], ["bus", "cache"]])
def test_another_word_is_told_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code of a wrong call."""
    assert main(arguments, ADDRESSES) == 2
    assert capsys.readouterr().err == "acl: usage: python -m shared.runtime.acl bus|cache|rights\n"


def test_the_module_is_the_command() -> None:
    """As an operator calls it, from the root of the repository."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.runtime.acl", "rights"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, rights_document(), "")
