"""Runs the pages under uvicorn until told to stop, also while event streams are open."""

import signal
from collections.abc import Callable
from types import FrameType

import uvicorn

_GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    """Ends event streams first: uvicorn waits for open responses before it stops."""

    def __init__(self, config: uvicorn.Config, stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop()
        super().handle_exit(sig, frame)


def serve(app: object, host: str, port: int, stop: Callable[[], None]) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code; `stop` must end open streams."""
    # Uvicorn raises the signal again when it is done; a stop that was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application, which only station.web knows
        host=host,
        port=port,
        access_log=False,  # addresses may tell who took what
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, stop)
    server.run()
    return 0 if server.started else 1
