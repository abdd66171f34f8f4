"""What is shown once everything is ready: where to look, and something to try."""

from pathlib import Path

from deploy.demo.seeding import EMAIL

_TRY = """\
curl -s {address}/api/v1/auth/register -H 'Content-Type: application/json' \
-d '{{"email": "you@example.com", "password": "a long pass phrase", "name": "You"}}'"""


def banner(address: str, demo: tuple[str, Path] | None) -> list[str]:
    """The lines. `address` is such as http://127.0.0.1:8000, `demo` the password of its account and its folder."""
    return [
        "",
        f"  API        {address}/api/v1",
        f"  Docs       {address}/docs",
        f"  Health     {address}/health",
        f"  Metrics    {address}/metrics",
        *(_demo(*demo) if demo else []),
        "",
        f"  Try        {_TRY.format(address=address)}",
        "  Stop       Ctrl-C",
        "",
    ]


def _demo(password: str, folder: Path) -> list[str]:
    return [
        f"  Demo user  {EMAIL}, password {password} (kept in {folder / 'password'})",
        f"  Demo bars  {folder} (adjusted daily bars, one CSV per symbol)",
    ]
