"""`python -m tests.sixth`: run the service."""

from shared.runtime.serving import run
from tests.sixth.app import compose
from tests.sixth.settings import SixthSettings

if __name__ == "__main__":
    run("sixth", SixthSettings, compose)
