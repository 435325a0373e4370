"""Every fault on record can be looked for again: its command names tests or programs that exist."""

import re
import shlex

import pytest

from tests.project.test_shape import ROOT

PAGE = ROOT / "docs" / "track-record.md"
ROW = re.compile(r"^\| .+ \| .+ / .+ \| (?P<commit>[0-9a-f]{7}) \| `(?P<command>[^`]+)` \|$")
LINES = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
COMMANDS = sorted({row["command"] for row in map(ROW.match, LINES) if row})


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:20])
def test_a_row_says_what_who_where_and_how(line):
    assert ROW.match(line), line


def test_there_are_rows():
    assert COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_what_repeats_a_fault_is_there(command):
    program, *words = shlex.split(command)
    if program == "python":
        module = words[words.index("-m") + 1].replace(".", "/")
        assert (ROOT / module / "__main__.py").exists() or (ROOT / f"{module}.py").exists()
        return
    assert program == "pytest"
    places = [word.partition("::") for word in words if word.startswith("tests/")]
    assert places
    for path, _, name in places:
        assert (ROOT / path).exists(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text("utf-8")
    if "-k" in words:
        wanted = words[words.index("-k") + 1]
        assert any(wanted in (ROOT / path).read_text("utf-8") for path, _, _ in places)
