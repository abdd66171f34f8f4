"""The page at /docs: reads /openapi.json and shows it. No script, style or font from anywhere else.

The UI bundles on the package index either need another web framework or do not read OpenAPI 3.1.
"""

from pathlib import Path

PAGE = (Path(__file__).parent / "docs.html").read_text(encoding="utf-8")
