"""`python -m bench.peers.monolith`: one worker of uvicorn, on its fastest loop and parser."""

import uvicorn

from bench.peers.monolith.app import application
from bench.peers.monolith.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    uvicorn.run(
        application(settings),
        host="127.0.0.1",
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
