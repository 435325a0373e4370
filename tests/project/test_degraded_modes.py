"""docs/degraded-modes.md names what the program says, and nothing else; no fault is without one."""

import re
from typing import get_args

import pytest

from contracts.errors import (
    InternalError,
    LedgerError,
    MusterError,
    RecorderError,
    StationError,
    UplinkError,
)
from contracts.errors.roots import all_errors
from contracts.facts import FACTS
from contracts.finding import FINDINGS
from contracts.messages import AlertKind
from tests.project.test_shape import ROOT

PAGE = (ROOT / "docs/degraded-modes.md").read_text(encoding="utf-8")
SENTENCES = {error.code: error.sentence for error in all_errors(MusterError)}
SENTENCES |= {code: words[0] for code, words in FINDINGS.items()}
NAMED = re.findall(r"^  - `(\w+)`: (.+)$", PAGE, re.MULTILINE)
MODES = PAGE.split("\n## ")[1:]
PARTS = ("仍可用 / still works", "看板 / kiosk", "中心 / office", "处理 / do")


@pytest.mark.parametrize(("code", "words"), NAMED)
def test_a_code_and_its_sentence_are_the_programs_own(code, words):
    assert words == f"{SENTENCES[code].zh} / {SENTENCES[code].en}"


@pytest.mark.parametrize(
    "root", [RecorderError, StationError, LedgerError, UplinkError, InternalError]
)
def test_every_error_has_a_mode(root):
    named = {code for code, _ in NAMED}
    assert {error.code for error in all_errors(root)} - named == set()


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.split()[0])
def test_a_mode_has_a_name_in_both_languages_and_says_all_four_things(mode):
    assert re.match(r"[a-z-]+ · [^\x00-\x7f].* · [A-Z]", mode)
    assert [mode.count(f"**{part}**") for part in PARTS] == [1] * 4


def test_the_names_of_modes_are_all_different():
    names = [mode.split()[0] for mode in MODES]
    assert len(set(names)) == len(names)


def test_alerts_and_entries_that_are_named_exist():
    entries = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE)) - {"codes.md", "settings.md"}
    assert entries
    assert entries - FACTS.keys() == set()
    alerts = set(re.findall(r"`(station_\w+|unconfirmed)`", PAGE))
    assert alerts - set(get_args(AlertKind)) == set()
    assert {"station_storage", "station_archive"} <= alerts
