"""Ledgers that earlier versions wrote: every later one opens, verifies, proves and exports them."""

import json
import shutil
from pathlib import Path

import pytest

from contracts.facts import FACTS
from contracts.proof import check
from ledger.reading import LedgerReader
from ledger.verifying import verify
from tests.ledger.golden.make import exported
from tests.support.entering import MOMENT, draft, opened

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = sorted(folder for folder in GOLDEN.iterdir() if (folder / "ledger.db").exists())


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def folder(request, tmp_path):
    made = shutil.copytree(request.param, tmp_path / "ledger")
    (made / "ledger.key").chmod(0o600)
    return made


def test_there_is_a_golden_ledger_of_this_format():
    assert VERSIONS != []


def test_it_holds_an_entry_of_every_type_its_version_knew(folder):
    lines = (folder / "entries.jsonl").read_bytes().splitlines()
    known = {json.loads(line)["type"] for line in lines}
    assert len(known) == len(lines) >= 25
    assert known <= set(FACTS)


def test_it_opens_verifies_and_exports_byte_for_byte(folder):
    key = (folder / "public.key").read_text(encoding="utf-8").strip()
    note = (folder / "head.note").read_text(encoding="utf-8")
    opened(folder).close()  # brings the schema up to date
    assert verify(folder, key, kept={"head": note}) == ()
    with LedgerReader(folder) as reader:
        assert exported(reader) == (folder / "entries.jsonl").read_bytes()
        assert reader.checkpoint == note


def test_it_proves_byte_for_byte_what_it_proved(folder):
    proofs = sorted(folder.glob("entry-*.proof"))
    opened(folder).close()
    with LedgerReader(folder) as reader:
        for file in proofs:
            sequence = int(file.stem.removeprefix("entry-"))
            assert reader.prove(sequence) == file.read_bytes()
            assert check(file.read_bytes(), None).holds
    assert len(proofs) == 3


def test_it_goes_on_where_it_ended(folder):
    with opened(folder) as ledger:
        before = ledger.size
        ledger.append([draft(1)], MOMENT)
        assert ledger.size == before + 1
    assert verify(folder) == ()
