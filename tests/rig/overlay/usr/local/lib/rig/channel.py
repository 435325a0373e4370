"""Does inside the guest what a test outside asks for: JSON lines over a virtio port.

A request has an `id` and one of: sh, background, put, get, entries, clock, ping.
"""

import base64
import ctypes
import json
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

ADJ_MAXERROR = 0x0004  # <linux/timex.h>
PORT = "/dev/virtio-ports/rig"
LEDGER = "file:/var/lib/muster/ledger/ledger.db?mode=ro"
_writing = threading.Lock()


def sh(said):
    """Run a command to its end."""
    done = subprocess.run(
        ["/bin/bash", "-c", said["sh"]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=said["seconds"],
        check=False,
    )
    texts = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return dict(zip(("out", "err"), texts, strict=True), rc=done.returncode)


def background(said):
    """Start a command and go on; what it says goes into a file."""
    with Path(said["log"]).open("ab") as log:
        started = subprocess.Popen(
            ["/bin/bash", "-c", said["background"]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=started.wait, daemon=True).start()
    return {"pid": started.pid}


def put(said):
    """Write a file."""
    path = Path(said["put"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(said["content"]))
    path.chmod(said["mode"])
    return {}


def get(said):
    """Read a file; None if it is not there."""
    try:
        content = Path(said["get"]).read_bytes()
    except FileNotFoundError:
        return {"content": None}
    return {"content": base64.b64encode(content).decode()}


def entries(said):
    """Return the ledger's entries behind a position, as their text."""
    connection = sqlite3.connect(LEDGER, uri=True, timeout=30)
    try:
        asked = "SELECT body FROM entry WHERE sequence > ? ORDER BY sequence"
        rows = connection.execute(asked, (said["entries"],))
        return {"entries": [bytes(row[0]).decode() for row in rows]}
    finally:
        connection.close()


def clock(said):
    """Set the clock, and tell the kernel that it is right: no recorder is set from one in doubt."""
    time.clock_settime(time.CLOCK_REALTIME, said["clock"])
    timex = (ctypes.c_long * 32)(ADJ_MAXERROR, 0, 0, 1000)  # modes, offset, freq, maxerror in us
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) < 0:
        raise OSError("adjtimex")
    return {}


def ping(said):
    """Say what time it is."""
    return {"at": time.time()}


VERBS = {verb.__name__: verb for verb in (sh, background, put, get, entries, clock, ping)}


def answer(port, said):
    """Do one thing and say how it went."""
    verb = next(verb for name, verb in VERBS.items() if name in said)
    try:
        result = verb(said)
    except Exception as error:  # noqa: BLE001  # the test outside decides what it means
        result = {"error": repr(error)}
    write(port, {**result, "id": said["id"]})


def write(port, result):
    """Send one line whole."""
    rest = json.dumps(result).encode() + b"\n"
    with _writing:
        while rest:
            try:
                rest = rest[os.write(port, rest) :]
            except OSError:  # nobody outside listens just now
                time.sleep(0.05)


def serve():
    """Answer for ever, each request in a thread of its own."""
    while not Path(PORT).exists():
        time.sleep(0.05)
    port = os.open(PORT, os.O_RDWR)
    rest = b""
    while True:
        try:
            heard = os.read(port, 1 << 16)
        except OSError:
            heard = b""
        if not heard:
            time.sleep(0.05)
            continue
        *lines, rest = (rest + heard).split(b"\n")
        for line in filter(None, lines):
            try:
                said = json.loads(line)
            except ValueError:  # half a line of before a restore
                continue
            threading.Thread(target=answer, args=(port, said), daemon=True).start()


serve()
