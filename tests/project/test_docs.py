"""What the project's documents say is so."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import get_args

import click
import pytest

from agent.cli import main as agent
from agent.core.dock import TABLE
from contracts.messages import StationTopic, Topics
from contracts.roster import parse_roster
from contracts.settings import parse_index, parse_station
from docs.dock_states import ways
from docs.generate import DOCUMENTS, HERE
from index.cli import main as index
from index.core.calendar import parse_calendar
from station.cli import main as station
from tests.project.test_shape import ROOT, tracked

DOCS = ROOT / "docs"
OPERATING = DOCS / "operating.md"
README = ROOT / "README.md"
PROGRAMS = {"muster-agent": agent, "muster-station": station, "muster-index": index}
PARSERS = {
    "station.toml": parse_station,
    "index.toml": parse_index,
    "roster.toml": parse_roster,
    "calendar.toml": parse_calendar,
}
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
# Places of our own machines and of every other; documents name what is installed, and the tree.
FOREIGN = re.compile(r"/(work|home|root|Users|tmp|mnt)/\S*|\b(TODO|FIXME|XXX)\b")
SAMPLES = sorted((ROOT / "config").glob("*.toml"))
SAMPLE_PEOPLE = {"示例甲", "示例乙", "示例丙"}


def documents() -> list[Path]:
    return [file for file in tracked("*.md") if "vendor" not in file.parts]


def commands(group: click.Group, words: str) -> dict[str, click.Command]:
    return {f"{words} {name}": command for name, command in group.commands.items()}


def every_command() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for program, group in PROGRAMS.items():
        found |= commands(group, program)
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_page_is_what_the_code_says_now(name):
    assert (HERE / name).read_text(encoding="utf-8") == DOCUMENTS[name]()


def test_the_picture_of_a_dock_shows_every_pair_of_the_table():
    assert ways().keys() == TABLE.keys()


@pytest.mark.parametrize("words", every_command())
def test_every_command_and_option_is_in_the_operating_manual(words):
    manual = OPERATING.read_text(encoding="utf-8")
    options = {
        spelling
        for parameter in every_command()[words].params
        if isinstance(parameter, click.Option)
        for spelling in parameter.opts
    }
    assert {word for word in (words, *options) if word not in manual} == set()


def test_every_link_between_documents_leads_to_a_file():
    links = [
        (file, link)
        for file in documents()
        for link in LINK.findall(file.read_text(encoding="utf-8"))
        if "://" not in link
    ]
    dead = [f"{file.name}: {link}" for file, link in links if not (file.parent / link).exists()]
    assert links
    assert dead == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_a_sample_of_settings_holds_nothing_but_settings(sample):
    PARSERS[sample.name](sample.read_text(encoding="utf-8"), sample.name)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_what_a_sample_offers_in_comments_may_be_switched_on(sample):
    text = sample.read_text(encoding="utf-8")
    switched_on = re.sub(
        r'^# (?=[a-z_0-9]+ = ["\[{\dtf]|\[\[?[a-z_]+\]\]?$)', "", text, flags=re.MULTILINE
    )
    PARSERS[sample.name](switched_on, sample.name)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_the_commands_a_newcomer_is_told_to_type_exist(name):
    told = set(re.findall(r"\./run (\w+)", (ROOT / name).read_text(encoding="utf-8")))
    script = (ROOT / "run").read_text(encoding="utf-8")
    known = set(re.findall(r"^  (\w+)(?:\|\S+)?\)", script, re.MULTILINE))
    assert told
    assert told <= known


def test_the_two_readmes_name_the_same_files_and_commands():
    readmes = [
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    ]
    links, told = [
        [set(re.findall(pattern, text)) for text in readmes]
        for pattern in (r"\]\(((?!README|docs/images/)[^)]+)\)", r"`(?:\./run|muster-)[^`]*`")
    ]
    assert links[0] == links[1]
    assert told[0] == told[1]


def test_documents_name_nothing_outside_the_project():
    named = [
        f"{file.name}: {found[0]}"
        for file in documents()
        for found in FOREIGN.finditer(file.read_text(encoding="utf-8"))
    ]
    assert named == []


def test_the_sample_roster_names_nobody():
    roster = tomllib.loads((ROOT / "config/roster.toml").read_text(encoding="utf-8"))
    assert {person["name"] for person in roster["person"]} <= SAMPLE_PEOPLE


def test_every_topic_is_described():
    topics = Topics("muster", "example")
    named = [
        *(topics.station("s1", kind) for kind in get_args(StationTopic)),
        topics.dock("s1", 1),
        topics.index_state,
        topics.alert("missing", ""),
        topics.daily_report(date(2026, 9, 21)),
    ]
    page = (DOCS / "messages.md").read_text(encoding="utf-8")
    assert [topic for topic in named if topic not in page] == []


def test_decisions_are_numbered_without_a_gap_and_say_what_they_must():
    files = sorted((DOCS / "adr").glob("[0-9]*.md"))
    numbers = [int(file.name[:4]) for file in files]
    wanted = ("## 背景 · Context", "## 决定 · Decision", "## 后果 · Consequences")
    short = [f.name for f in files if any(w not in f.read_text(encoding="utf-8") for w in wanted)]
    assert numbers == list(range(1, len(files) + 1))
    assert short == []
