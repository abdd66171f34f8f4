"""Secrets kept in a file."""

from pathlib import Path

import pytest

from deploy.local.errors import StartError
from deploy.local.kept_secret import kept_secret, kept_text


def test_made_once_and_kept(tmp_path: Path) -> None:
    """The first call makes 32 random bytes as hex, readable by the owner alone; later calls give the same."""
    path = tmp_path / "secret_key"
    secret = kept_secret(path)
    assert len(bytes.fromhex(secret)) == 32
    assert kept_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept_secret(tmp_path / "another") != secret


def test_half_made_secret_is_no_obstacle(tmp_path: Path) -> None:
    """What a launcher killed while writing left behind is written over."""
    (tmp_path / "secret_key.new").write_text("12")
    assert len(kept_secret(tmp_path / "secret_key")) == 64


@pytest.mark.parametrize("content", ["", "changeme", "zz" * 32])
def test_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    """A file that holds no secret of this form is not replaced: what it protects would be locked out."""
    path = tmp_path / "secret_key"
    path.write_text(content)
    with pytest.raises(StartError, match="secret_key does not hold 64 hex digits"):
        kept_secret(path)
    assert path.read_text() == content


def test_text_is_made_once_and_is_the_owners_to_change(tmp_path: Path) -> None:
    """In a folder that only its owner may enter; what stands in the file later is taken as it is."""
    path = tmp_path / "demo" / "password"
    assert kept_text(path, lambda: "first") == "first"
    assert kept_text(path, lambda: "second") == "first"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.write_text("my own\n")
    assert kept_text(path, lambda: "third") == "my own"
