"""Serves the office pages in a thread of their own."""

import socket
import threading
from contextlib import closing
from typing import Protocol

import uvicorn

from contracts.errors import SettingsError

_GRACE_SECONDS = 3


class Served(Protocol):
    """The pages, as far as who serves them must know them."""

    def app(self) -> object:
        """Return the ASGI application."""

    def end_streams(self) -> None:
        """End every open event stream: the server waits for open responses before it stops."""


class Serving:
    """A running web server; the port is taken at once, so that a taken one is told at start."""

    def __init__(self, pages: Served, host: str, port: int) -> None:
        self._pages = pages
        try:
            self._socket = socket.create_server((host, port))
        except OSError as error:
            problem = f"pages: {host}:{port}: {error}"
            raise SettingsError(file="index.toml", problems=(problem,)) from error
        config = uvicorn.Config(
            pages.app(),  # type: ignore[arg-type]  # an ASGI application, which only the pages know
            access_log=False,  # addresses may tell who looked at what
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="pages", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    def stop(self) -> None:
        """Stop serving and wait for it."""
        self._pages.end_streams()
        self._server.should_exit = True
        self._thread.join(2 * _GRACE_SECONDS)

    def _serve(self) -> None:
        with closing(self._socket):
            self._server.run(sockets=[self._socket])
