"""What is shown once everything is ready."""

from pathlib import Path

from deploy.local.banner import banner


def test_addresses_can_be_opened_as_shown() -> None:
    """A server on all addresses is shown by one that a browser can open; IPv6 is put in brackets."""
    assert any("http://127.0.0.1:8000/docs" in line for line in banner("0.0.0.0", 8000, None))
    assert any("http://[::1]:8000/docs" in line for line in banner("::", 8000, None))


def test_where_the_demo_bars_are() -> None:
    """Their folder, or that there are none."""
    assert any("Demo bars  /data/demo " in line for line in banner("127.0.0.1", 8000, Path("/data/demo")))
    assert any("Demo bars  not installed" in line for line in banner("127.0.0.1", 8000, None))
