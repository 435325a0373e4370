"""Every way of attacking, each with what each party must say: a code, and where.

An attack takes a world and a chance, and returns the changed files with what must be seen.
`verify` is told the enrolled key; `kept` is what verify must add when it is also given the note
that the index cosigned last; `opening` is a part of the refusal at the start; `index` of what the
index says, or the station when it hears the index. What is empty must NOT be seen there.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from contracts.entry import decode, format_time
from contracts.note import SigningKey
from contracts.tree import leaf_hash
from tests.instruments.attacks.world import Attacked, Image, World, grown
from tests.support.entering import WITNESS_NAME

Seen = tuple[str, int | None]


@dataclass
class Attack:
    """What was done, and who must see what."""

    files: Attacked
    verify: tuple[Seen, ...] = ()
    opening: str = ""
    kept: tuple[Seen, ...] = ()
    index: str = ""

    @property
    def is_limit(self) -> bool:
        """Tell whether nobody can see it: nothing that a witness signed was touched."""
        return not (self.verify or self.opening or self.kept or self.index)


Kind = Callable[[World, random.Random], Attack | None]


def edit_in_place(world: World, chance: random.Random) -> Attack:
    """One bit of an entry's bytes, in the file itself."""
    files, at = Attacked(world.newest), chance.randrange(world.size)
    body = world.bodies[at]
    place = chance.randrange(len(body))
    flipped = bytes([body[place] ^ (1 << chance.randrange(8))])
    # Everywhere: pages keep what they held before they were split.
    spoilt = body[:place] + flipped + body[place + 1 :]
    files.files["ledger.db"] = files.files["ledger.db"].replace(body, spoilt)
    return Attack(files, (("entry_changed", at + 1),), f"entry {at + 1}")


def edit_entry(world: World, chance: random.Random) -> Attack:
    """An entry replaced by another one, its hashes left alone."""
    files, at = Attacked(world.newest), chance.randrange(2, world.size + 1)
    files.sql(("UPDATE entry SET body = ? WHERE sequence = ?", world.forged(1, at), at))
    return Attack(files, (("entry_changed", at),), f"entry {at} was changed")


def edit_column(world: World, chance: random.Random) -> Attack:
    """What people search by, without the entry: not of the tree, so only verify looks."""
    files, at = Attacked(world.newest), chance.randrange(1, world.size + 1)
    column = chance.choice(("type", "subject", "at"))
    files.sql((f"UPDATE entry SET {column} = 'other' WHERE sequence = ?", at))  # noqa: S608  # our own words
    return Attack(files, (("column_differs", at),))


def edit_leaf(world: World, chance: random.Random) -> Attack:
    """An entry and its leaf hash; nodes left alone."""
    files, at = Attacked(world.newest), chance.randrange(2, world.size + 1)
    _replace(files, at, world.forged(1, at))
    completed = at + at % 2  # where the first node over it is complete
    if completed <= world.size:
        return Attack(files, (("node_differs", completed),), "tree node 1/")
    return Attack(files, (("history_differs", world.size),), "not what was signed")


def edit_and_rebuild(world: World, chance: random.Random) -> Attack:
    """An entry and every hash over it; only the signatures are left."""
    files, at = Attacked(world.newest), chance.randrange(2, world.size + 1)
    _rewrite(files, {at: world.forged(1, at)}, world)
    return Attack(files, (("history_differs", world.next_head(at)),), "not what was signed")


def swap(world: World, chance: random.Random) -> Attack | None:
    """Two entries in each other's place, all hashes made to fit."""
    if world.size < 4:
        return None
    files = Attacked(world.newest)
    one, two = sorted(chance.sample(range(2, world.size + 1), 2))
    _rewrite(files, {one: world.bodies[two - 1], two: world.bodies[one - 1]}, world)
    seen = (("entry_misplaced", one), ("entry_misplaced", two))
    return Attack(files, seen, "not what was signed")


def drop_middle(world: World, chance: random.Random) -> Attack | None:
    """Entries taken out of the middle."""
    if world.size < 4:
        return None
    files, first = Attacked(world.newest), chance.randrange(2, world.size)
    last = chance.randrange(first, world.size)
    files.sql(("DELETE FROM entry WHERE sequence BETWEEN ? AND ?", first, last))
    return Attack(files, (("entry_missing", first),), "entries missing between")


def drop_and_close_up(world: World, chance: random.Random) -> Attack | None:
    """An entry taken out, the later ones moved down, all hashes and checkpoints made to fit."""
    if world.size < 4:
        return None
    files, at = Attacked(world.newest), chance.randrange(2, world.size)
    bodies = [*world.bodies[: at - 1], *world.bodies[at:]]
    _rebuild(files, bodies)
    return Attack(files, (("entry_misplaced", at),), "not what was signed")


def cut_tail(world: World, chance: random.Random) -> Attack | None:
    """The last entries with their nodes, checkpoints and cosignatures; files left alone."""
    heads = [head for head in world.notes if head < world.size]
    files, end = Attacked(world.newest), chance.choice(heads)
    _cut(files, end)
    said = f"head.note was signed at entry {world.size}, the ledger ends at {end}"
    return Attack(files, (("tail_missing", end),), said)


def roll_database_back(world: World, chance: random.Random) -> Attack:
    """The database of an earlier day; files left alone."""
    end = chance.choice([head for head in world.notes if head < world.size])
    files = Attacked(world.newest)
    files.files["ledger.db"] = world.images[end].files["ledger.db"]
    said = f"head.note was signed at entry {world.size}, the ledger ends at {end}"
    return Attack(files, (("tail_missing", end),), said)


def roll_all_but_witness_back(world: World, chance: random.Random) -> Attack | None:
    """Database and head.note of an earlier day; the witness's note forgotten."""
    heads = [head for head in world.notes if head < world.station_saw]
    if not heads:
        return None
    end, files = chance.choice(heads), Attacked(world.newest)
    for name in ("ledger.db", "head.note"):
        files.files[name] = world.images[end].files[name]
    said = f"witness.note was signed at entry {world.station_saw}, the ledger ends at {end}"
    return Attack(files, (("tail_missing", end),), said)


def roll_all_back(world: World, chance: random.Random) -> Attack:
    """The whole folder of an earlier day: only who knows the index's note can see it."""
    end = chance.choice([head for head in world.notes if head < world.size])
    files = Attacked(world.images[end])
    if end >= world.index_has:
        return Attack(files)
    said = f"a witness saw entry {world.index_has}, the ledger ends at {end}"
    return Attack(files, kept=(("tail_missing", end),), index=said)


def rewrite_signed(world: World, chance: random.Random) -> Attack | None:
    """History changed and signed again with the real key; the witness's note left alone."""
    if world.station_saw < 3:
        return None
    files, at = Attacked(world.newest), chance.randrange(2, world.station_saw + 1)
    bodies = _rewrite(files, {at: world.forged(1, at)}, world)
    _sign_again(files, bodies, world, at)
    saw = world.station_saw
    said = f"witness.note holds a signed head of other entries than 1 to {saw}"
    return Attack(files, (("head_differs", saw),), said)


def rewrite_all(world: World, chance: random.Random) -> Attack:
    """History changed and signed again, with every trace of a witness that saw more removed."""
    files, at = Attacked(world.newest), chance.randrange(2, world.size + 1)
    bodies = _rewrite(files, {at: world.forged(1, at)}, world)
    _sign_again(files, bodies, world, at)
    _forget_witness(files, world, at)
    if at > world.index_has:
        return Attack(files)
    proof = f"does not begin with that of {world.index_has}"
    same = world.size == world.index_has
    said = f"two roots for size {world.size}" if same else proof
    return Attack(files, kept=(("head_differs", world.index_has),), index=said)


def fork(world: World, chance: random.Random) -> Attack | None:
    """A twin of an earlier day that went on by itself, no longer than what the index has."""
    heads = [head for head in world.notes if head < world.index_has]
    if not heads:
        return None
    start = chance.choice(heads)
    size = chance.randrange(start + 1, world.index_has + 1)
    files = Attacked(world.newest)
    own = [world.forged(number, number) for number in range(start + 1, size + 1)]
    bodies = [*world.bodies[:start], *own]
    _rebuild(files, bodies)
    _sign_again(files, bodies, world, start + 1)
    _forget_witness(files, world, start + 1)
    kept: Seen = ("head_differs", size) if size == world.index_has else ("tail_missing", size)
    return Attack(files, kept=(kept,), index=f"two roots for size {size}")


def edit_node(world: World, chance: random.Random) -> Attack:
    """A node changed or removed."""
    _, nodes = grown(list(map(leaf_hash, world.bodies)))
    files, node = Attacked(world.newest), chance.choice(nodes)
    where = "WHERE level = ? AND position = ?"
    completed = (node.index + 1) << node.level
    if chance.random() < 0.5:
        files.sql((f"DELETE FROM node {where}", node.level, node.index))  # noqa: S608  # our own words
        return Attack(files, (("node_missing", completed),), f"no node {node.level}/{node.index}")
    other = chance.randbytes(32)
    files.sql((f"UPDATE node SET hash = ? {where}", other, node.level, node.index))  # noqa: S608  # our own words
    said = f"tree node {node.level}/{node.index} was changed"
    return Attack(files, (("node_differs", completed),), said)


def add_node(world: World, chance: random.Random) -> Attack:
    """A node that no entry completes: harmless today, so only verify looks."""
    files, level = Attacked(world.newest), chance.randrange(1, 9)
    row = (level, (world.size >> level) + chance.randrange(5), chance.randbytes(32))
    files.sql(("INSERT INTO node VALUES (?, ?, ?)", *row))
    return Attack(files, (("node_surplus", None),))


def edit_checkpoint(world: World, chance: random.Random) -> Attack:
    """A checkpoint's text, signature or place; the start looks at the newest only."""
    files, at = Attacked(world.newest), chance.choice(list(world.notes))
    last = at == world.size
    note = _spoilt(world.notes[at], chance)
    files.sql(("UPDATE checkpoint SET note = ? WHERE size = ?", note, at))
    return Attack(files, (("checkpoint_malformed", at),), "checkpoint: " if last else "")


def drop_checkpoint(world: World, chance: random.Random) -> Attack:
    """The newest checkpoints taken out."""
    files, heads = Attacked(world.newest), sorted(world.notes)
    count = chance.randrange(1, len(heads) + 1)
    files.sql(("DELETE FROM checkpoint WHERE size >= ?", heads[-count]))
    said = "no signed checkpoint" if count == len(heads) else "not what was signed"
    return Attack(files, (("checkpoint_missing", world.size),), said)


def edit_cosignature(world: World, chance: random.Random) -> Attack | None:
    """A cosignature's note, key or time; the start looks at the newest note only."""
    if not world.station_saw:
        return None
    files, saw = Attacked(world.newest), world.station_saw
    note = world.images[world.size].files["witness.note"].decode()
    stranger = SigningKey(chance.randbytes(32)).cosign(world.notes[saw], WITNESS_NAME, 1)
    change, value, opening = chance.choice(
        (
            ("note", _spoilt(note, chance), "witness.note, of entry"),
            ("note", stranger, "witness.note, of entry"),
            ("timestamp", 7_777, ""),
            ("witness", "nobody", ""),
        )
    )
    files.sql((f"UPDATE cosignature SET {change} = ? WHERE size = ?", value, saw))  # noqa: S608  # our own words
    return Attack(files, (("cosignature_wrong", saw),), opening)


def drop_cosignatures(world: World, chance: random.Random) -> Attack | None:
    """The rows of the witness taken out, its file left alone."""
    if not world.station_saw:
        return None
    files = Attacked(world.newest)
    files.sql(("DELETE FROM cosignature",))
    said = f"witness.note, of entry {world.station_saw}, is not one of"
    return Attack(files, (("head_unrecorded", world.station_saw),), said)


def replace_file(world: World, chance: random.Random) -> Attack | None:
    """A note outside the database spoilt, taken away, or put back to long ago."""
    name = chance.choice(("head.note", "witness.note"))
    files = Attacked(world.newest)
    note = files.files.get(name)
    rows = sorted(world.notes) if name == "head.note" else world.arrived
    if note is None or len(rows) < 3:
        return None
    how = chance.choice(("gone", "spoilt", "old"))
    if how == "gone":
        del files.files[name]
        return Attack(files, (("head_missing", None),), f"{name} is missing")
    if how == "spoilt":
        files.files[name] = _spoilt(note.decode(), chance, own=True).encode()
        return Attack(files, (("head_malformed", None),), f"{name}: ")
    old = chance.choice(rows[:-2])
    files.files[name] = world.images[old].files[name]
    return Attack(files, (("head_stale", old),), f"{name}, of entry {old}, is not one of")


def own_witness_note(world: World, chance: random.Random) -> Attack | None:
    """A head signed with the real key put where a cosigned one belongs."""
    if not world.station_saw:
        return None
    files = Attacked(world.newest)
    size = chance.choice(list(world.notes))
    files.files["witness.note"] = world.notes[size].encode()
    said = f"witness.note, of entry {size}, is not one of"
    return Attack(files, (("head_unrecorded", size),), said)


def replace_key(world: World, chance: random.Random) -> Attack:
    """The key file replaced or taken away: verify does not need it, the start does."""
    files = Attacked(world.newest)
    if chance.random() < 0.5:
        del files.files["ledger.key"]
        return Attack(files, opening="ledger.key is missing")
    files.files["ledger.key"] = chance.randbytes(32)
    return Attack(files, opening="entry 1 is of")


def truncate_file(world: World, chance: random.Random) -> Attack:
    """The database file cut short, or gone."""
    files = Attacked(world.newest)
    if chance.random() < 0.2:
        del files.files["ledger.db"]
        said = f"head.note was signed at entry {world.size}, the ledger ends at 0"
        return Attack(files, (("ledger_storage", None),), said)
    raw = files.files["ledger.db"]
    files.files["ledger.db"] = raw[: chance.randrange(1, len(raw) // 4096) * 4096]
    return Attack(files, (("database_damaged", None),), "*")


def change_schema(world: World, chance: random.Random) -> Attack:
    """Triggers or tables that are not ours."""
    files = Attacked(world.newest)
    files.sql(("CREATE TABLE more (x)",))
    return Attack(files, (("schema_differs", None),), "by another hand: table more")


def several(world: World, chance: random.Random) -> Attack | None:
    """Two attacks on the database, one after the other: neither may hide the other."""
    steps = (edit_entry, edit_column, edit_node, edit_checkpoint, add_node, edit_cosignature)
    one, two = chance.sample(steps, 2)
    first = one(world, chance)
    if first is None:
        return None
    changed = Image(world.size, first.files.files)
    second = two(replace(world, images={**world.images, world.size: changed}), chance)
    if second is None:
        return None
    opening = "*" if first.opening or second.opening else ""
    return Attack(second.files, first.verify + second.verify, opening)


ATTACKS: tuple[Kind, ...] = (
    edit_in_place,
    edit_entry,
    edit_column,
    edit_leaf,
    edit_and_rebuild,
    swap,
    drop_middle,
    drop_and_close_up,
    cut_tail,
    roll_database_back,
    roll_all_but_witness_back,
    roll_all_back,
    rewrite_signed,
    rewrite_all,
    fork,
    edit_node,
    add_node,
    edit_checkpoint,
    drop_checkpoint,
    edit_cosignature,
    drop_cosignatures,
    replace_file,
    own_witness_note,
    replace_key,
    truncate_file,
    change_schema,
    several,
)


def _replace(files: Attacked, at: int, body: bytes) -> None:
    sql = "UPDATE entry SET body = ?, leaf_hash = ? WHERE sequence = ?"
    files.sql((sql, body, leaf_hash(body), at))


def _rewrite(files: Attacked, changes: dict[int, bytes], world: World) -> list[bytes]:
    """Change entries and make every hash fit; return all entries."""
    bodies = [changes.get(at, body) for at, body in enumerate(world.bodies, 1)]
    _rebuild(files, bodies)
    return bodies


def _rebuild(files: Attacked, bodies: list[bytes]) -> None:
    """Make entries, columns and nodes anew."""
    decoded = [(at, body, decode(body)) for at, body in enumerate(bodies, 1)]
    insert = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)"
    rows = [
        (insert, at, one.type, one.subject, format_time(one.moment.at), body, leaf_hash(body))
        for at, body, one in decoded
    ]
    _, nodes = grown(list(map(leaf_hash, bodies)))
    put = "INSERT INTO node VALUES (?, ?, ?)"
    tree = [(put, node.level, node.index, node.hash) for node in nodes]
    files.sql(("DELETE FROM entry",), ("DELETE FROM node",), *rows, *tree)


def _sign_again(files: Attacked, bodies: list[bytes], world: World, first: int) -> None:
    """Replace every head from entry `first` on by one that the real key signed."""
    leaves = list(map(leaf_hash, bodies))
    heads = [head for head in world.notes if first <= head < len(bodies)]
    notes = {head: world.signed(leaves[:head]) for head in (*heads, len(bodies))}
    rows = [("INSERT INTO checkpoint VALUES (?, ?)", head, note) for head, note in notes.items()]
    forget = ("DELETE FROM checkpoint WHERE size >= ?", first)
    files.sql(forget, ("DELETE FROM cosignature WHERE size >= ?", first), *rows)
    files.files["head.note"] = notes[len(bodies)].encode()


def _forget_witness(files: Attacked, world: World, first: int) -> None:
    """Put witness.note back to before entry `first`, or take it away."""
    older = [size for size in world.arrived if size < first]
    if older:
        files.files["witness.note"] = world.images[older[-1]].files["witness.note"]
    else:
        files.files.pop("witness.note", None)


def _cut(files: Attacked, end: int) -> None:
    files.sql(
        ("DELETE FROM entry WHERE sequence > ?", end),
        ("DELETE FROM checkpoint WHERE size > ?", end),
        ("DELETE FROM cosignature WHERE size > ?", end),
        ("DELETE FROM node WHERE (position + 1) << level > ?", end),
    )


def _spoilt(note: str, chance: random.Random, *, own: bool = False) -> str:
    """Change one letter of the root or of a signature, of the `own` one where asked."""
    lines = note.split("\n")
    line = chance.choice((2, *range(4, len(lines) - 1))[: 2 if own else None])
    words = lines[line].split(" ")
    at = chance.randrange(len(words[-1]) - 3)
    letter = "A" if words[-1][at] != "A" else "B"
    words[-1] = words[-1][:at] + letter + words[-1][at + 1 :]
    return "\n".join((*lines[:line], " ".join(words), *lines[line + 1 :]))
