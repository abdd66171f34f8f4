"""Where the workers keep their compiled kernels, so that only the first start of all compiles."""

import os
from pathlib import Path

ENGINE = Path(__file__).parent / "core" / "engine"
VARIABLE = "NUMBA_CACHE_DIR"


def kernel_cache(data_dir: Path, engine: Path = ENGINE) -> dict[str, str]:
    """Return the environment that workers need: a folder of DATA_DIR when kernels cannot be kept beside the source.

    A folder that NUMBA_CACHE_DIR names already is left as it is.
    """
    if os.environ.get(VARIABLE) or os.access(engine, os.W_OK):
        return {}
    return {VARIABLE: str((data_dir / "kernels").resolve())}
