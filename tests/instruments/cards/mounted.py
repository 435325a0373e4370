"""A made-up card, mounted: its process is started, told what to do, and ended with all it holds."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.instruments.cards.script import Card, Counts, to_line

ROOT = Path(__file__).parents[3]
_SECONDS = 20


class MountedCard:
    """A card that is mounted at `folder`."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self._process = process

    def become(self, card: Card) -> None:
        """Change what the card holds and does; its counts begin anew."""
        self._ask(to_line(card))

    def counts(self) -> Counts:
        """Return what has reached the card since it became what it is."""
        return Counts(**json.loads(self._ask("counts")))

    def wait_until_it_hangs(self) -> None:
        """Return when a read or a listing is waiting for ever."""
        deadline = time.monotonic() + _SECONDS
        while not self.counts().hanging:
            if time.monotonic() > deadline:
                raise AssertionError("nothing asked for what hangs")
            time.sleep(0.01)

    def abort(self) -> None:
        """End the card at once: whoever waits for it gets an error, as when it is pulled out."""
        # The kernel aborts the connection when its last holder is gone.
        self._process.kill()
        self._process.wait(_SECONDS)
        subprocess.run(["umount", "--lazy", self.folder], check=False, capture_output=True)

    def _ask(self, line: str) -> str:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise AssertionError("the card's process has ended")
        return answer


@contextmanager
def mounted(folder: Path, card: Card, *, cached: bool = False) -> Iterator[MountedCard]:
    """Mount a card at a folder; at the end it is aborted and unmounted, whatever hangs.

    Every read reaches the card, unless it is `cached` as a real one is.

    Raises:
        AssertionError: FUSE is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.instruments.cards.serving", str(folder)]
    with subprocess.Popen(
        [*command, *(["--cached"] if cached else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        made = MountedCard(folder, process)
        try:
            made.become(card)
            _wait_for_mount(folder, process)
            made.become(card)
            yield made
        finally:
            made.abort()


def _wait_for_mount(folder: Path, process: "subprocess.Popen[str]") -> None:
    mount = os.fsencode(folder.resolve())
    deadline = time.monotonic() + _SECONDS
    # Asked of the table, not of the card: its first look may be one that never returns.
    while not any(_target(line) == mount for line in _mounts()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("no card was mounted: /dev/fuse and libfuse3 are needed")
        time.sleep(0.01)


def _mounts() -> list[bytes]:
    return Path("/proc/self/mountinfo").read_bytes().splitlines()


def _target(line: bytes) -> bytes:
    raw = line.split()[4]
    for code, char in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        raw = raw.replace(code, char)
    return raw
