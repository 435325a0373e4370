"""Programs started under strace, which is asked about some system calls only."""

import os
from pathlib import Path


def strace(calls: str, *more: str, log: str | Path = os.devnull) -> list[str]:
    """Return the beginning of a command that is traced.

    What is not asked about costs nothing, unless a signal is injected: strace 6.1 swallows it then.
    """
    fast = () if any("signal=" in word for word in more) else ("--seccomp-bpf",)
    return ["strace", *fast, "-f", "-o", str(log), "-e", f"trace={calls}", *more]


def injecting(calls: str, fault: str) -> list[str]:
    """Return the beginning of a command with a fault (`error=EIO:when=3`) put into such calls."""
    return strace(calls, "-e", f"inject={calls}:{fault}")
