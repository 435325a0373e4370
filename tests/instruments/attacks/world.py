"""The ledgers that are attacked: made once, kept as bytes, with what the index has seen of them."""

import random
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from contracts.checkpoint import Checkpoint
from contracts.entry import Draft, encode
from contracts.note import SigningKey
from contracts.tree import Frontier, Node, leaf_hash
from index.core.receiving import StationMirror
from ledger.store import Ledger
from tests.support.entering import MOMENT, PREFIX, WITNESS, WITNESS_KEY, WITNESS_NAME

SIZES = (3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 11, 13, 16, 33)


@dataclass(frozen=True)
class Image:
    """The files of a ledger at one time."""

    size: int
    files: dict[str, bytes]


@dataclass
class World:
    """One honest ledger: its images by size, and how far the index's cosignatures go.

    `arrived` are the sizes of the cosignatures that the station has, `index_has` that of the newest
    the index gave: it may be on its way.
    """

    key: SigningKey
    origin: str
    images: dict[int, Image] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    index_has: int = 0

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.bodies)

    @property
    def station_saw(self) -> int:
        """Up to where the station knows that a witness saw it."""
        return max(self.arrived, default=0)

    @property
    def newest(self) -> Image:
        """The ledger as it is when it is attacked."""
        return self.images[self.size]

    @property
    def public(self) -> str:
        """The enrolled key."""
        return str(self.key.verifying(self.origin))

    @property
    def kept(self) -> str:
        """The newest note that the index cosigned."""
        return WITNESS_KEY.cosign(self.notes[self.index_has], WITNESS_NAME, self.index_has)

    def next_head(self, size: int) -> int:
        """Return the first signed size that contains entry `size`."""
        return min(head for head in self.notes if head >= size)

    def mirror(self) -> StationMirror:
        """Return the index's side: what it has is what it cosigned."""
        frontiers = grown(list(map(leaf_hash, self.bodies)))[0]
        had = frontiers[self.index_has]
        note = self.notes[self.index_has]
        key = self.key.verifying(self.origin)
        return StationMirror(key, had, note, lambda size: frontiers[size].root())

    def forged(self, number: int, sequence: int) -> bytes:
        """Return an entry of the right form and in the right place that says something else."""
        draft = Draft("footage.imported", "R0666", {"number": number, "sha256": "0" * 64})
        return encode(draft, sequence, self.origin, MOMENT)

    def signed(self, leaves: list[bytes]) -> str:
        """Return a checkpoint over leaf hashes that only the holder of the key can make."""
        frontier = grown(leaves)[0][-1]
        text = str(Checkpoint(self.origin, frontier.size, frontier.root()))
        return self.key.sign(text, self.origin)


def make(folder: Path, chance: random.Random, size: int) -> World:
    """Make a ledger of about `size` entries, cosigned here and there, and its images."""
    folder.mkdir(parents=True)
    (folder / "ledger.key").write_bytes(chance.randbytes(32))
    (folder / "ledger.key").chmod(0o600)
    with Ledger.open(folder, PREFIX, MOMENT, "0.1.0") as ledger:
        key = SigningKey((folder / "ledger.key").read_bytes())
        world = World(key, ledger.origin)
        _keep(world, ledger, folder)
        while ledger.size < size:
            count = min(size - ledger.size, chance.choice((1, 1, 2, 3, 5)))
            ledger.append([_draft(chance) for _ in range(count)], MOMENT)
            if ledger.size > size - 2 and world.index_has:
                _keep(world, ledger, folder)
                continue
            _cosign(world, ledger, arrives=chance.random() < 0.7 or not world.station_saw)
            _keep(world, ledger, folder)
    return world


def grown(leaves: list[bytes]) -> tuple[list[Frontier], list[Node]]:
    """Return the frontier at every size, and every node."""
    frontiers, nodes = [Frontier()], list[Node]()
    for leaf in leaves:
        frontier, completed = frontiers[-1].append(leaf)
        frontiers.append(frontier)
        nodes += completed
    return frontiers, nodes


def _draft(chance: random.Random) -> Draft:
    kind = chance.choice(("footage.imported", "recorder.docked", "visit.completed"))
    data = {"number": chance.randrange(10**6), "sha256": chance.randbytes(32).hex()}
    return Draft(kind, f"R{chance.randrange(9):04d}", data)


def _cosign(world: World, ledger: Ledger, *, arrives: bool) -> None:
    note = WITNESS_KEY.cosign(str(ledger.checkpoint), WITNESS_NAME, ledger.size)
    world.index_has = ledger.size
    if arrives:
        ledger.accept_cosignature(note, WITNESS)
        world.arrived.append(ledger.size)


def _keep(world: World, ledger: Ledger, folder: Path) -> None:
    target = folder.parent / f"{folder.name}-{ledger.size}"
    ledger.back_up(target)
    files = {file.name: file.read_bytes() for file in target.iterdir()}
    files = {name: raw for name, raw in files.items() if not name.endswith(("-wal", "-shm"))}
    files["ledger.key"] = (folder / "ledger.key").read_bytes()
    world.images[ledger.size] = Image(ledger.size, files)
    world.notes[ledger.size] = str(ledger.checkpoint)
    world.bodies = ledger.raw(1, ledger.size + 1)


class Attacked:
    """A copy of a ledger's files that an attacker changes: the database through SQL, in memory."""

    def __init__(self, image: Image) -> None:
        self.files = dict(image.files)

    def sql(self, *statements: tuple[object, ...]) -> None:
        """Do what the triggers forbid."""
        connection = apsw.Connection(":memory:")
        connection.deserialize("main", self.files["ledger.db"])
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        for sql, *bindings in statements:
            connection.execute(str(sql), bindings)
        self.files["ledger.db"] = connection.serialize("main")
        connection.close()

    def write(self, folder: Path) -> None:
        """Put the files, and nothing else, into a folder."""
        for file in folder.iterdir():
            file.unlink()
        for name, raw in self.files.items():
            (folder / name).write_bytes(raw)
        if "ledger.key" in self.files:
            (folder / "ledger.key").chmod(0o600)
