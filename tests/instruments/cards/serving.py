"""The card's own process: a FUSE file system that does what the script on its input says.

`python -m tests.instruments.cards.serving MOUNT_POINT`. Each line of the input is a card, or
`counts`; each is answered by a line. At the input's end it unmounts and ends, whatever hangs.
"""

import errno
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NoReturn

import mfusepy

from tests.instruments.cards.script import Bad, Card, Counts, Item, became, from_line

_MODES = {
    "file": stat.S_IFREG | 0o444,
    "folder": stat.S_IFDIR | 0o555,
    "symlink": stat.S_IFLNK | 0o777,
    "fifo": stat.S_IFIFO | 0o444,
    "socket": stat.S_IFSOCK | 0o444,
    "device": stat.S_IFCHR | 0o444,
}
_BURST_SECONDS = 0.05


class CardSystem(mfusepy.Operations):  # type: ignore[misc]
    """What the kernel asks of the card."""

    use_ns = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._never = threading.Event()
        self._counts = {when: Counter[str]() for when in ("reads", "opens", "stats", "listings")}
        self._bad_left: dict[tuple[str, Bad], int] = {}
        self._all = Counter[str]()
        self._free_at = 0.0
        self.become(Card())

    def become(self, card: Card) -> None:
        """Take a new script; what has been counted begins anew."""
        items = {"": Item(b"", "folder")}
        for item in card.items:
            path = os.fsdecode(item.path)
            for depth in range(path.count("/")):
                above = "/".join(path.split("/")[: depth + 1])
                items.setdefault(above, Item(os.fsencode(above), "folder"))
            items[path] = item
        below: dict[str, list[str]] = {}
        for path in filter(None, items):
            below.setdefault(path.rpartition("/")[0], []).append(path)
        with self._lock:
            self._card, self._items, self._below = card, items, below
            for counter in (*self._counts.values(), self._all):
                counter.clear()
            self._bad_left.clear()

    def counts(self) -> Counts:
        """Return what has reached the card since its script was taken."""
        with self._lock:
            counted, total = self._counts, self._all
            return Counts(
                dict(counted["reads"]),
                dict(counted["opens"]),
                dict(counted["stats"]),
                dict(counted["listings"]),
                total["failed"],
                total["hanging"],
                total["read_bytes"],
            )

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Return what the card says of an item."""
        path = path[1:]
        item = self._item(path, "stats")
        self._count("stats", path)
        if item.hangs_when_looked_at:
            self._hang()
        if item.hides_errno is not None:
            self._fail(item.hides_errno)
        return {
            "st_mode": _MODES[item.kind],
            "st_nlink": item.links,
            "st_size": item.size,
            "st_mtime": item.modified_ns,
            "st_ctime": item.modified_ns,
            "st_atime": item.modified_ns,
        }

    def readlink(self, path: str) -> str:
        """Return where a symbolic link leads."""
        return self._item(path[1:], "stats").target

    def open(self, path: str, flags: int) -> int:
        """Open a file for reading."""
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._fail(errno.EROFS)
        self._count("opens", path[1:])
        self._item(path[1:], "opens")
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Return bytes of a file, or do what the script says instead."""
        path = path[1:]
        item = self._item(path, "reads", present=False)
        self._count("reads", path)
        if item.gone:
            self._fail(errno.ENOENT)
        end = min(offset + size, item.size if item.given_bytes is None else item.given_bytes)
        if item.short_bytes is not None:
            end = min(end, offset + item.short_bytes)
        if item.hangs_at is not None and offset <= item.hangs_at < end:
            self._hang()
        for bad in item.bad:
            if bad.offset < end and offset < bad.offset + bad.length:
                self._meet(path, bad)
        self._take_time(end - offset)
        with self._lock:
            self._all["read_bytes"] += max(0, end - offset)
        return item.bytes_at(offset, end - offset)

    def readdir_with_offset(
        self, path: str, offset: int, fh: int
    ) -> Iterator[tuple[str, int, int]]:
        """Return the names below a folder from the so many-th on."""
        path = path[1:]
        if offset == 0:
            self._count("listings", path)
        folder = self._item(path, "listings")
        below = [self._now(one) for one in self._below.get(path, ())]
        names = [os.fsdecode(one.path).rpartition("/")[2] for one in below if not one.gone]
        kinds = [_MODES[one.kind] for one in below if not one.gone]
        stop = folder.fails_after if folder.hangs_after is None else folder.hangs_after
        if stop is not None and offset >= stop:
            if folder.hangs_after is not None:
                self._hang()
            self._fail(folder.errno)
        for number in range(offset, min(len(names), len(names) if stop is None else stop)):
            yield names[number], kinds[number], number + 1

    def statfs(self, path: str) -> dict[str, int]:
        """Return a size that holds everything."""
        held = sum(item.size for item in self._items.values())
        blocks = held // 4096 + 1024
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": blocks, "f_bfree": 256,
                "f_bavail": 256, "f_namemax": 255}  # fmt: skip

    def _now(self, path: str) -> Item:
        # A folder's listing shows what the item has become, judged by its own counts and
        # by how often its folder was listed.
        with self._lock:
            so_far = [(when, self._counts[when][path]) for when in ("reads", "opens", "stats")]
            so_far.append(("listings", self._counts["listings"][path.rpartition("/")[0]]))
            return became(self._items[path], so_far)

    def _item(self, path: str, asked: str, *, present: bool = True) -> Item:
        gone_after = self._card.gone_after
        if gone_after is not None and self._counts["reads"].total() >= gone_after:
            self._fail(errno.ENODEV)
        if path not in self._items:
            self._fail(errno.ENOENT)
        item = self._now(path)
        if present and item.gone:
            self._fail(errno.ENOENT)
        return item

    def _count(self, when: str, path: str) -> None:
        with self._lock:
            self._counts[when][path] += 1

    def _meet(self, path: str, bad: Bad) -> None:
        with self._lock:
            left = self._bad_left.setdefault((path, bad), -1 if bad.times is None else bad.times)
            if left == 0:
                return
            self._bad_left[path, bad] = left - 1
        self._fail(bad.errno)

    def _take_time(self, count: int) -> None:
        rate = self._card.bytes_per_second
        if rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - _BURST_SECONDS) + count / rate
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)

    def _fail(self, number: int) -> NoReturn:
        if number != errno.ENOENT:
            with self._lock:
                self._all["failed"] += 1
        raise mfusepy.FuseOSError(number)

    def _hang(self) -> NoReturn:
        with self._lock:
            self._all["hanging"] += 1
        self._never.wait()
        raise AssertionError


def obey(system: CardSystem, mount_point: str) -> None:
    """Do what the input says until it ends; then unmount and end the process."""
    for line in sys.stdin:
        if line.strip() == "counts":
            answer = json.dumps(asdict(system.counts()))
        else:
            system.become(from_line(line))
            answer = "{}"
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    subprocess.run(["umount", "--lazy", mount_point], check=False, capture_output=True)
    os._exit(0)


def main(mount_point: str) -> None:
    """Serve a card at a mount point until the input ends."""
    system = CardSystem()
    threading.Thread(target=obey, args=(system, mount_point), daemon=True).start()
    cached = "--cached" in sys.argv
    mfusepy.FUSE(
        system, mount_point, foreground=True, direct_io=not cached, fsname="made_up_card",
        attr_timeout=0, entry_timeout=0, negative_timeout=0, allow_other=True,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
