"""What is shown once everything is ready."""

from pathlib import Path

from deploy.local.banner import banner


def test_where_to_look() -> None:
    """Addresses that a browser can open."""
    assert any("http://127.0.0.1:8000/docs" in line for line in banner("http://127.0.0.1:8000", None))


def test_the_demo() -> None:
    """Its account, password and folder; without a demo nothing of the kind."""
    shown = "\n".join(banner("http://h:1", ("pass-phrase", Path("/data/demo"))))
    assert "demo@example.com, password pass-phrase (kept in /data/demo/password)" in shown
    assert "Demo bars  /data/demo " in shown
    assert "demo" not in "\n".join(banner("http://h:1", None)).lower()
