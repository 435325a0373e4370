"""The real `muster-station` as a process, serving a settings file's pages on a free port."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

PROGRAM = Path(sys.executable).with_name("muster-station")
BROWSER = "/usr/bin/chromium"
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
_TRIES = 400


def free_port():
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(config, port, program=(PROGRAM,)):
    """Serve the pages; give their address and process."""
    command = [*program, "serve", "--config", config]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def browsing():
    """Start the browser that the kiosk uses."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=_ARGUMENTS)
        yield browser
        browser.close()


def _wait_for(port, process):
    for _ in range(_TRIES):
        if process.poll() is not None:
            raise AssertionError(f"the pages ended: {process.returncode}")
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")
