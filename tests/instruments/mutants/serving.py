"""A process beside one copy of the tree that has others' code loaded, and forks for each catcher.

Started by its file, never imported: what it is asked for comes as a line of JSON, a list of words
and the file for what they say; the answer is the exit code. Nothing of ours is loaded before the
fork, so that each catcher sees the tree as it is then.
"""

import importlib
import json
import os
import runpy
import signal
import sys
from contextlib import suppress

LOADED = (
    *("apsw", "av", "argon2", "click", "greenlet", "httpx", "hypothesis", "hypothesis.strategies"),
    *("cryptography.hazmat.primitives.ciphers.aead", "jinja2", "paho.mqtt.client", "pydantic"),
    *("cryptography.hazmat.primitives.asymmetric.ed25519", "playwright.sync_api", "pytest"),
    *("pyudev", "rfc8785", "sqlalchemy", "starlette.applications", "watchdog.observers"),
    *("hashlib", "logging.handlers", "multiprocessing", "sqlite3", "tomllib", "zoneinfo"),
)


def run(words: list[str]) -> int:
    """Run a catcher in this process; return its exit code."""
    if words[0] == "pytest":
        return int(importlib.import_module("pytest").main(words[1:]))
    sys.argv = words
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def fork(words: list[str], said: str, patience_seconds: int) -> int:
    """Run a catcher in a process of its own; return its exit code, -1 if it did not end well."""
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setpgid(0, 0)
            signal.alarm(patience_seconds)
            out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for fd in (1, 2):
                os.dup2(out, fd)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
            code = run(words)
            sys.stdout.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return max(os.waitstatus_to_exitcode(status), -1)


def main() -> None:
    """Load what others wrote, then answer until nobody asks any more."""
    for name in LOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(f"{fork(*json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
