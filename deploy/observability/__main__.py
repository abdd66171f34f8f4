"""Write the dashboards that Grafana reads: python -m deploy.observability."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.observability.boards import BOARDS

FOLDER: Final = Path(__file__).parent / "grafana/dashboards"


def files() -> Iterator[tuple[Path, str]]:
    """Yield each dashboard's file and what is to be in it."""
    for board in BOARDS:
        yield FOLDER / f"{board.name}.json", json.dumps(board.json(), indent=1) + "\n"


if __name__ == "__main__":
    for path, text in files():
        path.write_text(text)
