"""Writes the test vectors and the worked example of docs/ledger-format.md beside itself.

Run it from the repository's root: `python -m docs.vectors.generate`. Other implementations can test
themselves against the files; our tests compare them with what the code does now.
"""

import base64
import json
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from contracts.checkpoint import Checkpoint, WitnessRequest
from contracts.entry import Draft, Moment, encode, format_time
from contracts.note import COSIGNATURE, SigningKey
from contracts.proof import bundle_of, check
from contracts.tree import (
    Frontier,
    NodeReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
)

HERE = Path(__file__).parent

# Published, so worth nothing: never sign anything real with them.
STATION_KEY = SigningKey(bytes(range(32)))
WITNESS_KEY = SigningKey(bytes(range(32, 64)))
ORIGIN = f"muster/example/s1/{STATION_KEY.fingerprint}"
WITNESS = f"muster/example/index/{WITNESS_KEY.fingerprint}"
COSIGNED_AT = 1_790_000_000
FOOTAGE = b"muster\n"

# The leaves that implementations of Certificate Transparency test themselves with.
LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)


def main() -> None:
    """Write every file."""
    for name, content in all_files().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def all_files() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    return {
        **{f"example/{name}": content for name, content in example().items()},
        "tree.json": _json(tree_vectors()),
        "entries.json": _json(entry_vectors()),
        "notes.json": _json(note_vectors()),
        "proofs.json": _json(proof_vectors()),
    }


def example() -> dict[str, bytes]:
    """Return the files of the worked example: a ledger of three entries, witnessed."""
    entries = [encode(draft, n, ORIGIN, moment) for n, (draft, moment) in enumerate(drafts(), 1)]
    leaves = [leaf_hash(entry) for entry in entries]
    note = STATION_KEY.sign(str(Checkpoint(ORIGIN, 3, root_of(leaves))), ORIGIN)
    cosigned = WITNESS_KEY.cosign(note, WITNESS, COSIGNED_AT)
    bundle = bundle_of(
        entry=entries[2],
        inclusion=inclusion_proof(2, 3, reader(leaves)),
        checkpoint=cosigned,
        key=str(STATION_KEY.verifying(ORIGIN)),
        witness=str(WITNESS_KEY.verifying(WITNESS, COSIGNATURE)),
    )
    request = WitnessRequest(1, consistency_proof(1, 3, reader(leaves)), note)
    return {
        **{f"entry-{n}.json": entry for n, entry in enumerate(entries, 1)},
        "checkpoint.note": note.encode(),
        "cosigned.note": cosigned.encode(),
        "request.txt": request.format(),
        "station.key": (str(STATION_KEY.verifying(ORIGIN)) + "\n").encode(),
        "witness.key": (str(WITNESS_KEY.verifying(WITNESS, COSIGNATURE)) + "\n").encode(),
        "footage.bin": FOOTAGE,
        "proof.json": bundle,
        "proof-7.json": longer_proof(entries),
    }


def longer_proof(entries: list[bytes]) -> bytes:
    """Return the bundle of entry 3 once there are seven: the proof then has three hashes."""
    later = (Draft("agent.stopped", "station", {"reason": "example"}), _moment(3))
    more = [encode(later[0], number, ORIGIN, later[1]) for number in range(4, 8)]
    leaves = [leaf_hash(entry) for entry in (*entries, *more)]
    note = STATION_KEY.sign(str(Checkpoint(ORIGIN, 7, root_of(leaves))), ORIGIN)
    key = str(STATION_KEY.verifying(ORIGIN))
    return bundle_of(entries[2], inclusion_proof(2, 7, reader(leaves)), note, key, None)


def drafts() -> list[tuple[Draft, Moment]]:
    """Return what the example's three entries say, and when."""
    opened = {
        "origin": ORIGIN,
        "public_key": str(STATION_KEY.verifying(ORIGIN)),
        "organisation": "example",
        "station": "s1",
        "version": "0.1.0",
    }
    started = {"version": "0.1.0", "docks": 6, "roster_sha256": sha256(b"").hexdigest()}
    imported = {"name": "甲.mp4", "sha256": sha256(FOOTAGE).hexdigest(), "size": len(FOOTAGE)}
    return [
        (Draft("ledger.opened", "station", opened), _moment(0)),
        (Draft("agent.started", "station", started), _moment(1)),
        (Draft("footage.imported", "R0001", imported), _moment(2)),
    ]


def tree_vectors() -> dict[str, object]:
    """Return roots, inclusion proofs and consistency proofs of the trees of up to eight leaves."""
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
    read = reader(leaves)
    sizes = range(1, len(leaves) + 1)
    return {
        "leaves": LEAVES,
        "leaf_hashes": [leaf.hex() for leaf in leaves],
        "roots": [root_of(leaves[:size]).hex() for size in (0, *sizes)],
        "inclusion": [
            {"index": index, "size": size, "proof": _hex(inclusion_proof(index, size, read))}
            for size in sizes
            for index in range(size)
        ],
        "consistency": [
            {"old": old, "new": new, "proof": _hex(consistency_proof(old, new, read))}
            for new in sizes
            for old in range(new + 1)
        ],
    }


def entry_vectors() -> dict[str, object]:
    """Return drafts with the bytes they become, and bytes that are no entry."""
    good: list[dict[str, Any]] = []
    for sequence, (draft, moment) in enumerate(drafts(), 1):
        raw = encode(draft, sequence, ORIGIN, moment)
        written = {**asdict(moment), "at": format_time(moment.at)}
        place = {"sequence": sequence, "source": ORIGIN, "leaf_hash": leaf_hash(raw).hex()}
        good.append({"draft": asdict(draft), "moment": written, **place, "entry": raw.decode()})
    first = good[0]["entry"]
    refused = {
        "a space more": first.replace(":", ": ", 1),
        "an attribute missing": first.replace('"bootid":"example-boot",', ""),
        "keys out of order": f'{{"id":"1",{first[1:]}'.replace(',"id":"1","sequence', ',"sequence'),
        "a key twice": first.replace('"clock"', '"bootid":"example-boot","clock"', 1),
        "id and sequence differ": first.replace('"id":"1"', '"id":"2"'),
        "a fraction": first.replace('"station":"s1"', '"station":1.5'),
        "not JSON": "muster",
        "not an object": "[]",
    }
    return {"good": good, "refused": refused}


def note_vectors() -> dict[str, object]:
    """Return keys, notes they signed, and notes that must be refused."""
    files = {name: content.decode() for name, content in example().items() if "." in name}
    note, cosigned = files["checkpoint.note"], files["cosigned.note"]
    return {
        "station_seed": STATION_KEY.seed.hex(),
        "station_key": str(STATION_KEY.verifying(ORIGIN)),
        "witness_seed": WITNESS_KEY.seed.hex(),
        "witness_key": str(WITNESS_KEY.verifying(WITNESS, COSIGNATURE)),
        "checkpoint": note,
        "cosigned": cosigned,
        "cosigned_at": COSIGNED_AT,
        "witness_request": files["request.txt"],
        "refused": {
            "another size": note.replace("\n3\n", "\n4\n"),
            "a leading zero": note.replace("\n3\n", "\n03\n"),
            "no signature": note.partition("\n\n")[0] + "\n\n",
            "only the witness's signature": cosigned.replace(note.partition("\n\n")[2], ""),
            "no newline at the end": note[:-1],
            "an extension line": note.replace("\n\n", "\nmore\n\n"),
        },
    }


def proof_vectors() -> list[dict[str, object]]:
    """Return proof bundles, the digest asked for, and what is wrong with them."""
    good = json.loads(example()["proof.json"])
    right, wrong = sha256(FOOTAGE).hexdigest(), sha256(b"other").hexdigest()
    other_entry = base64.b64encode(example()["entry-2.json"]).decode()
    cases = [
        ("good", good, right),
        ("another file", good, wrong),
        ("another entry", {**good, "entry": other_entry}, None),
        ("no inclusion proof", {**good, "inclusion": []}, right),
        ("not cosigned", {**good, "checkpoint": example()["checkpoint.note"].decode()}, right),
        ("the witness's key as the ledger's", {**good, "key": good["witness"]}, right),
        ("not a bundle", {}, right),
    ]
    return [_proof_case(name, bundle, digest) for name, bundle, digest in cases]


def root_of(leaves: list[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier, _ = frontier.append(leaf)
    return frontier.root()


def reader(leaves: list[bytes]) -> NodeReader:
    """Return a function that gives the nodes over leaf hashes."""

    def read(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))

    return read


def _proof_case(name: str, bundle: dict[str, object], digest: str | None) -> dict[str, object]:
    report = check(json.dumps(bundle).encode(), digest)
    problems = [problem.code for problem in report.problems]
    return {"name": name, "bundle": bundle, "sha256": digest, "problems": problems}


def _moment(minute: int) -> Moment:
    at = datetime(2026, 9, 21, 8, minute, tzinfo=UTC)
    return Moment(at, "example-boot", 60_000 * minute + 1_500, "synchronised")


def _hex(proof: tuple[bytes, ...]) -> list[str]:
    return [item.hex() for item in proof]


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


if __name__ == "__main__":
    main()
