"""What is recorded: visits of the real station, whole, repeated, killed in the middle, resumed."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random

from agent.recorders.virtual import SCRIPT
from tests.instruments.crash.checking import CARD, COPIES, digest_of, files_of, object_path
from tests.instruments.crash.recording import SYNCFS, Run, mark, record
from tests.instruments.crash.station import MODIFIED_NS, SECOND, Say, scrub, visit
from tests.instruments.crash.trace import Chmod, Drop, Op, Put, Sync, SyncAll, Trace
from tests.support.later_schema import later_schema, shipped_schema

HEALTHY = """number = "{number}"
serial = "{number}"
model = "V1"
battery_percent = 90
clock_offset_seconds = 0
capacity_bytes = 64_000_000_000
"""
_SIZES = (0, 700, 5_000, 40_000)
_DISKS = ("archive", "state")
_WITH_SECOND = (SECOND, *_DISKS)
_LARGE_BYTES = 1_200_000  # beyond a block: threads write it


@dataclass(frozen=True)
class Scenario:
    """A run to record: its name, how many cards, how it goes, and what is so all the while."""

    name: str
    cards: int
    runs: Callable[[list[Path]], Sequence[Run]]
    within: Callable[[], AbstractContextManager[None]] = nullcontext

    def record(self, folder: Path) -> tuple[Trace, list[Path]]:
        """Record it in a folder; return the trace, and the cards as they were in the end."""
        cards = [made_card(folder / "cards" / f"R{number}") for number in range(1, self.cards + 1)]
        return record(self.name, folder, self.runs(cards)), cards


def made_card(folder: Path) -> Path:
    """Make a virtual recorder with a few files."""
    (folder / "files" / "DCIM").mkdir(parents=True)
    text = HEALTHY.format(number=folder.name)
    (folder / "recorder.toml").write_text(text, encoding="utf-8")
    for number, size in enumerate(_SIZES):
        content = Random(f"{folder.name} {number}").randbytes(size)
        (folder / "files" / f"20260921_10000{number}.mp4").write_bytes(content)
    for file in files_of(folder):
        os.utime(file, ns=(MODIFIED_NS, MODIFIED_NS))
    return folder


def add(card: Path, files: Mapping[str, bytes]) -> None:
    """Put more files on a card."""
    for name, content in files.items():
        (card / "files" / name).write_bytes(content)


def docking(
    cards: Sequence[Path], before: Callable[[], None] = lambda: None, disks: Sequence[str] = _DISKS
) -> Run:
    """Return a run that docks cards; with a disk `second`, until all has its second copy."""

    def work(mount: Path) -> None:
        before()
        for folder in disks:
            (mount / folder).mkdir(exist_ok=True)
        visit(mount, cards, lambda said: mark(mount, said))

    return Run(work)


def killed(run: Run, kind: type[Op], count: int, where: str) -> Run:
    """Let a run die at the so-many-th op of a kind on a path that matches."""
    seen: list[Op] = []

    def doomed(op: Op, path: str) -> bool:
        if isinstance(op, kind) and re.search(where, path):
            seen.append(op)
        return len(seen) == count

    return replace(run, doomed=doomed)


def _two_docks(cards: list[Path]) -> Sequence[Run]:
    same = (cards[0] / "files" / "20260921_100003.mp4").read_bytes()
    add(cards[1], {"20260921_110000.mp4": same})
    return [docking(cards)]


def _again(cards: list[Path]) -> Sequence[Run]:
    (card,) = cards
    first = card / "files" / "20260921_100002.mp4"

    def more() -> None:
        add(card, {"DCIM/20260921_100002.mp4": first.read_bytes(), "20260921_120000.mp4": b"new"})

    return [docking(cards), docking(cards, more)]


def _large(cards: list[Path]) -> Sequence[Run]:
    add(cards[0], {"20260921_130000.mp4": os.urandom(_LARGE_BYTES)})
    return [docking(cards)]


def _resumed(kind: type[Op], count: int, where: str) -> Callable[..., list[Run]]:
    return lambda cards: [killed(docking(cards), kind, count, where), docking(cards)]


def clearing(disks: Sequence[str] = _DISKS) -> Run:
    """Return a run that clears a card, which is on the recorded disk too and made there first."""

    def work(mount: Path) -> None:
        def settle(folder: Path) -> None:
            os.setxattr(folder, SYNCFS, b"all")

        clear(mount, lambda said: mark(mount, said), settle, disks)

    return Run(work)


def clear(
    disk: Path, say: Say, settle: Callable[[Path], None], disks: Sequence[str] = _DISKS
) -> None:
    """Dock a card that is on the recorded disk too, made there first, until it is cleared."""
    card = disk / CARD / "R1"
    if not card.exists():
        for folder in (*disks, CARD):
            (disk / folder).mkdir()
        made_card(card)
        settle(disk / CARD)
    there = {str(file.relative_to(disk)): digest_of(file) for file in files_of(card)}
    say({"on_card": there, "copies": 1 + (SECOND in disks)})
    visit(disk, [card], say, clear=True)


def _cleared(_: list[Path]) -> Sequence[Run]:
    return [clearing()]


def _killed_clearing(_: list[Path]) -> Sequence[Run]:
    return [killed(clearing(), Drop, 2, f"{CARD}.*mp4$"), clearing()]


def _copied(cards: list[Path]) -> Sequence[Run]:
    return [docking(cards, disks=_WITH_SECOND)]


def _killed_naming_copies(cards: list[Path]) -> Sequence[Run]:
    """Let a run die before the second of the copies' names is on the medium."""
    alone = replace(docking(cards, disks=_WITH_SECOND), as_one=False)
    return [killed(alone, Sync, 2, f"/{COPIES}../..$"), alone]


def _killed_copied(_: list[Path]) -> Sequence[Run]:
    """Let a run die when the copies are sealed and not entered; the next one clears the card."""
    whole = clearing(_WITH_SECOND)
    return [killed(whole, Drop, 2, f"/{SECOND}/incoming/.*part$"), whole]


def _partial(cards: list[Path]) -> Sequence[Run]:
    """Let a card give half of a file."""
    (card,) = cards
    name, half = "20260921_100003.mp4", 20_000
    with (card / SCRIPT).open("a", encoding="utf-8") as script:
        script.write(f'[faults]\nunreadable = [{{ path = "{name}", offset = {half} }}]\n')
    content = (card / "files" / name).read_bytes()
    unfit = [sha256(part).hexdigest() for part in (content, content[:half])]

    def work(mount: Path) -> None:
        mark(mount, {"unfit": unfit})
        docking(cards).work(mount)

    return [Run(work), docking(cards)]


def _rotting(cards: list[Path]) -> Run:
    """Return a run in which an object rots, the scrub finds it, and its card comes again."""
    whole = digest_of(cards[0] / "files" / "20260921_100003.mp4")

    def work(mount: Path) -> None:
        file = mount / object_path(whole)
        content = file.read_bytes()
        rotten = bytes([content[0] ^ 1]) + content[1:]
        harm = sha256(rotten).hexdigest()
        mark(mount, {"rotten": {whole: harm}})
        with file.open("r+b", buffering=0) as harmed:
            harmed.write(rotten[:1])
            os.fsync(harmed)
        mark(mount, {"kept": [harm]})
        scrub(mount, cards)
        docking(cards).work(mount)

    return Run(work)


def _replaced(cards: list[Path]) -> Sequence[Run]:
    return [docking(cards), _rotting(cards)]


def _killed_replacing(cards: list[Path]) -> Sequence[Run]:
    return [docking(cards), killed(_rotting(cards), Put, 1, "/damaged/"), docking(cards)]


def _upgraded(cards: list[Path]) -> Sequence[Run]:
    """Return a run of the version that is shipped, and one of the next."""
    docked = docking(cards)

    def work(mount: Path) -> None:
        with shipped_schema():
            docked.work(mount)

    return [Run(work), docked]


def _killed_upgrading(cards: list[Path]) -> Sequence[Run]:
    earlier, later = _upgraded(cards)
    return [earlier, killed(later, Sync, 1, "db-wal$"), later]


def _killed_again(cards: list[Path]) -> Sequence[Run]:
    return [docking(cards), killed(docking(cards), SyncAll, 1, ""), docking(cards)]


SCENARIOS = (
    Scenario("first", 1, lambda cards: [docking(cards)]),
    Scenario("each-synced", 1, lambda cards: [replace(docking(cards), as_one=False)]),
    Scenario("two-docks", 2, _two_docks),
    Scenario("again", 1, _again),
    Scenario("large", 1, _large),
    Scenario("cleared", 0, _cleared),
    Scenario("copied", 1, _copied),
    Scenario("partial", 1, _partial),
    Scenario("replaced", 1, _replaced),
    Scenario("upgraded", 1, _upgraded, later_schema),
    # Killed after a name or bytes came, or before a sync was made; then started again.
    Scenario("killed-opening", 1, _resumed(Put, 1, "ledger.key$")),
    Scenario("killed-trusting", 1, _killed_again),
    Scenario("killed-copying", 1, _resumed(Chmod, 6, "part$")),
    Scenario("killed-naming", 1, _resumed(Put, 3, "objects/.*/[0-9a-f]{64}$")),
    Scenario("killed-viewing", 1, _resumed(Put, 2, "mp4$")),
    Scenario("killed-entering", 1, _resumed(Sync, 9, "db-wal$")),
    Scenario("killed-signing", 1, _resumed(Put, 5, "head.note$")),
    Scenario("killed-witnessing", 1, _resumed(Put, 2, "witness.note$")),
    Scenario("killed-manifest", 1, _resumed(Put, 1, "sha256$")),
    Scenario("killed-ending", 1, _resumed(Sync, 1, "manifests$")),
    Scenario("killed-clearing", 0, _killed_clearing),
    Scenario("killed-naming-copies", 1, _killed_naming_copies),
    Scenario("killed-copied", 0, _killed_copied),
    Scenario("killed-replacing", 1, _killed_replacing),
    Scenario("killed-upgrading", 1, _killed_upgrading, later_schema),
)


def named(names: str) -> list[Scenario]:
    """Return the scenarios of a list of names, or "all"."""
    wanted = names.split(",")
    found = [one for one in SCENARIOS if names == "all" or one.name in wanted]
    if not found:
        raise ValueError(f"no scenario {names}: there are {[one.name for one in SCENARIOS]}")
    return found
