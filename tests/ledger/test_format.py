"""docs/ledger-format.md, taken at its word: its commands are run, its tables compared."""

import json
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from contracts.checkpoint import WitnessRequest, verify_checkpoint
from contracts.entry import decode
from contracts.errors import EntryError, NoteError
from contracts.note import VerifyingKey, verify_cosignature
from contracts.proof import check
from contracts.tree import Head, leaf_hash, verify_consistency, verify_inclusion
from docs.vectors.generate import FOOTAGE, all_files
from ledger.database import Database

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "ledger-format.md").read_text(encoding="utf-8")
STEPS = re.findall(r"```sh\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)


def vectors(name):
    return json.loads((DOCS / "vectors" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(all_files()))
def test_a_published_vector_is_what_the_code_makes_today(name):
    assert (DOCS / "vectors" / name).read_bytes() == all_files()[name]


def test_the_commands_of_the_page_print_what_the_page_says(tmp_path):
    folder = shutil.copytree(DOCS / "vectors" / "example", tmp_path / "example")
    assert len(STEPS) > 5
    script = "\necho ----\n".join(commands for commands, _ in STEPS)
    shell = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(shell, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.rstrip("\n") == "----\n".join(said for _, said in STEPS).rstrip("\n"), done


def test_the_page_names_every_table_and_column_that_the_database_has(tmp_path):
    database = Database.writer(tmp_path)
    tables = database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    columns = {
        (table, row[0])
        for (table,) in tables
        for row in database.rows("SELECT name FROM pragma_table_info(?)", table)
    }
    database.close()
    assert set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE)) == columns


def test_the_good_entries_decode_to_their_drafts():
    for case in vectors("entries.json")["good"]:
        entry = decode(case["entry"].encode())
        assert (entry.sequence, entry.data) == (case["sequence"], case["draft"]["data"])
        assert leaf_hash(entry.raw).hex() == case["leaf_hash"]


@pytest.mark.parametrize("why", vectors("entries.json")["refused"])
def test_bytes_that_are_no_entry_are_refused(why):
    with pytest.raises(EntryError):
        decode(vectors("entries.json")["refused"][why].encode())


@pytest.mark.parametrize("why", vectors("notes.json")["refused"])
def test_notes_that_are_no_checkpoint_of_the_key_are_refused(why):
    notes = vectors("notes.json")
    with pytest.raises(NoteError):
        verify_checkpoint(notes["refused"][why], VerifyingKey.parse(notes["station_key"]))


def test_the_published_notes_verify_with_the_published_keys():
    notes = vectors("notes.json")
    station, witness = (VerifyingKey.parse(notes[f"{who}_key"]) for who in ("station", "witness"))
    assert verify_checkpoint(notes["cosigned"], station).size == 3
    assert verify_cosignature(notes["cosigned"], witness) == notes["cosigned_at"]
    assert WitnessRequest.parse(notes["witness_request"].encode()).old_size == 1


def test_the_published_tree_proofs_verify():
    tree = vectors("tree.json")
    roots, leaves = [
        [bytes.fromhex(item) for item in tree[name]] for name in ("roots", "leaf_hashes")
    ]
    for case in tree["inclusion"]:
        index, size = case["index"], case["size"]
        verify_inclusion(leaves[index], index, size, _hashes(case), roots[size])
    for case in tree["consistency"]:
        old, new = (Head(case[which], roots[case[which]]) for which in ("old", "new"))
        verify_consistency(old, new, _hashes(case))


def test_the_tree_is_the_one_that_certificate_transparency_tests_itself_with():
    # Leaves and roots of the reference implementations of RFC 6962, known independently of ours.
    last = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert vectors("tree.json")["roots"][-1] == last


@pytest.mark.parametrize("case", vectors("proofs.json"), ids=lambda case: case["name"])
def test_a_published_bundle_has_exactly_the_published_problems(case):
    report = check(json.dumps(case["bundle"]).encode(), case["sha256"])
    assert [problem.code for problem in report.problems] == case["problems"]


def test_only_the_good_bundle_holds():
    held = [case["name"] for case in vectors("proofs.json") if not case["problems"]]
    assert held == ["good"]
    assert sha256(FOOTAGE).hexdigest() == vectors("proofs.json")[0]["sha256"]


def _hashes(case):
    return tuple(bytes.fromhex(item) for item in case["proof"])
