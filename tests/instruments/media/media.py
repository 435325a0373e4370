"""Mutants of whole media files, and what a look at each must leave as it was."""

import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from agent.probing import magic
from agent.probing.probe import LOOK_SECONDS, Probe

HEAD_BYTES = 12  # kept by most mutants, so that the demuxer is reached
# What the child may hold besides its three streams and the file: nothing that leads anywhere.
MOST_DESCRIPTORS = 8
MOST_MEMORY_KIB = 1 << 20
_BOX = struct.Struct(">I4s")


class Canary(FileSystemEventHandler):
    """A file that mutants point at; whoever opens it has followed them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "canary.mp4"
        self.path.write_bytes(b"never to be opened")
        self.opened = 0
        self._observer = Observer()
        self._observer.schedule(self, str(folder))
        self._observer.start()

    def on_opened(self, event: FileSystemEvent) -> None:
        """Count an opening."""
        self.opened += 1

    def close(self) -> None:
        """Watch no more."""
        self._observer.stop()
        self._observer.join()


Mutate = Callable[[bytes, random.Random, str], bytes]


def _flip(raw: bytes, dice: random.Random, _canary: str) -> bytes:
    body = bytearray(raw)
    index = max(raw.rfind(b"moov"), HEAD_BYTES)
    for _ in range(dice.randint(1, 40)):
        place = dice.choice(
            (dice.randrange(HEAD_BYTES, len(body)), dice.randrange(index, len(body)))
        )
        body[place] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    return bytes(body)


def _cut(raw: bytes, dice: random.Random, _canary: str) -> bytes:
    return raw[: dice.randrange(1, len(raw))]


def _stretch(raw: bytes, dice: random.Random, _canary: str) -> bytes:
    """Claim another length somewhere: the length of a box, a chunk, a frame."""
    place = dice.randrange(HEAD_BYTES, len(raw) - 4)
    if boxes := [m for m in (raw.find(k) for k in _KINDS) if m > HEAD_BYTES]:
        place = dice.choice(boxes) - 4
    length = dice.choice((0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF, dice.randrange(1 << 32)))
    return raw[:place] + struct.pack(">I", length) + raw[place + 4 :]


def _splice(raw: bytes, dice: random.Random, _canary: str) -> bytes:
    start, length = dice.randrange(HEAD_BYTES, len(raw)), dice.randrange(1, 4096)
    target = dice.randrange(HEAD_BYTES, len(raw))
    return raw[:target] + raw[start : start + length] * dice.randint(1, 9) + raw[target:]


def _point(raw: bytes, dice: random.Random, canary: str) -> bytes:
    """Name another file: as a data reference, a play list, an element of a list of parts."""
    name = canary.encode()
    kind = dice.randrange(4)
    if kind == 0 and (own := struct.pack(">I4sI", 12, b"url ", 1)) in raw:
        other = struct.pack(">I4sI", 12 + len(name) + 1, b"url ", 0) + name + b"\0"
        return raw.replace(own, other)
    lists = (
        b"ffconcat version 1.0\nfile " + name + b"\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://" + name + b"\n#EXT-X-ENDLIST\n",
        b'<?xml version="1.0"?><MPD><Period><BaseURL>' + name + b"</BaseURL></Period></MPD>",
    )
    return dice.choice((raw[:HEAD_BYTES], b"")) + dice.choice(lists)


def _nest(raw: bytes, dice: random.Random, _canary: str) -> bytes:
    """Put boxes into boxes without end."""
    depth = dice.randint(10, 2_000)
    boxes = b"".join(
        _BOX.pack(8 * (depth - at), dice.choice((b"moov", b"trak", b"udta", b"meta", b"free")))
        for at in range(depth)
    )
    return raw[:HEAD_BYTES] + b"\0" * 12 + boxes


def _disguise(raw: bytes, dice: random.Random, _canary: str) -> bytes:
    """Wear another kind's head."""
    heads = (b"RIFF\0\0\0\0AVI LIST", b"\x1aE\xdf\xa3", b"\0\0\0\x18ftypmp42", b"\xff\xd8\xff\xe0")
    head = dice.choice(heads)
    return head + raw[len(head) :]


_KINDS = (b"moov", b"trak", b"mdia", b"stbl", b"stts", b"stsz", b"stco", b"idx1", b"LIST", b"fmt ")
MUTATIONS: tuple[Mutate, ...] = (_flip, _flip, _cut, _stretch, _splice, _point, _nest, _disguise)


def mutants(originals: list[bytes], seed: int, canary: str) -> Iterator[tuple[str, bytes]]:
    """Yield mutants without end, each with the name of what was done to it."""
    dice = random.Random(seed)
    while True:
        mutate = dice.choice(MUTATIONS)
        raw = mutate(dice.choice(originals), dice, canary)
        yield mutate.__name__.strip("_"), raw[: 4 << 20]


class Examination:
    """One probe that looks at mutants; what is wrong is in `violations`."""

    def __init__(self, folder: Path) -> None:
        (folder / "canary").mkdir()
        self.canary = Canary(folder / "canary")
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._probe = Probe()
        if not self._probe.walls():
            self.violations.append("the probe is not confined here, so nothing was examined")
        self._path = folder / "mutant.mp4"

    def look(self, kind: str, raw: bytes) -> None:
        """Have one mutant looked at."""
        self._path.write_bytes(raw)
        facts = self._probe.look(self._path, self._path.name)
        self.counts[facts.verdict] += 1
        self.counts[kind] += 1
        if self._path.read_bytes() != raw:
            self.violations.append(f"{kind}: the file was changed")
        # "unparsed" is an honest answer, but of a child that had to be killed it is a limit met.
        if "probe process" in facts.detail or f"{LOOK_SECONDS}" in facts.detail:
            self.violations.append(f"{kind}: {facts.detail}")
        if self.counts.total() % 100 == 0:
            self.violations += self.over_limits()

    def over_limits(self) -> Iterator[str]:
        """Yield what the child has that it may not have."""
        child = self._probe._child
        if child is None:
            return
        proc = Path("/proc") / str(child.process.pid)
        descriptors = len(list((proc / "fd").iterdir()))
        if descriptors > MOST_DESCRIPTORS:
            yield f"the child holds {descriptors} descriptors"
        if children := (proc / "task" / str(child.process.pid) / "children").read_text().split():
            yield f"the child has children: {children}"
        peak = next(
            int(line.split()[1])
            for line in (proc / "status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        self.counts["peak KiB"] = max(self.counts["peak KiB"], peak)
        if peak > MOST_MEMORY_KIB:
            yield f"the child took {peak} KiB"

    def close(self) -> None:
        """End the probe; an opened canary is an escape."""
        self._probe.close()
        self.canary.close()
        if self.canary.opened:
            self.violations.append(f"the canary was opened {self.canary.opened} times")


def is_parsed(raw: bytes) -> bool:
    """Tell whether a file gets as far as a demuxer."""
    return magic.demuxer_of(raw[: magic.HEAD_BYTES]) is not None
