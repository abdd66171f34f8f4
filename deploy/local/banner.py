"""What is shown once everything is ready: where to look, and something to try."""

from pathlib import Path

from deploy.local.readiness import reachable_host

_TRY = """\
curl -s {base}/api/v1/auth/register -H 'Content-Type: application/json' \
-d '{{"email": "you@example.com", "password": "a long pass phrase", "name": "You"}}'"""


def banner(host: str, port: int, demo_folder: Path | None) -> list[str]:
    """The lines. `demo_folder` is None when the demo bars are not installed."""
    reachable = reachable_host(host)
    base = f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
    demo = f"{demo_folder} (adjusted daily bars, one CSV per symbol)" if demo_folder else "not installed"
    return [
        "",
        f"  API        {base}/api/v1",
        f"  Docs       {base}/docs",
        f"  Health     {base}/health",
        f"  Metrics    {base}/metrics",
        f"  Demo bars  {demo}",
        "",
        f"  Try        {_TRY.format(base=base)}",
        "  Stop       Ctrl-C",
        "",
    ]
