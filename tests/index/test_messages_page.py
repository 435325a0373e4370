import json
import re
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from contracts import messages
from contracts.loading import from_json
from contracts.messages import AlertKind, StationTopic, Topics
from contracts.settings import parse_index
from contracts.snapshot import DockView
from index.core.calendar import CalendarTable, parse_calendar

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```json (\w+)\n(.*?)```", PAGE, re.DOTALL))
NO_PAYLOAD = {"Topics", "Message", "DepartmentCount"}
KINDS = {
    name: kind
    for name, kind in vars(messages).items()
    if is_dataclass(kind) and kind.__module__ == messages.__name__ and name not in NO_PAYLOAD
} | {"DockView": DockView}


def test_every_message_has_an_example():
    assert EXAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_example_is_what_the_program_reads_and_names_no_field_it_does_not_know(name):
    from_json(EXAMPLES[name], KINDS[name])
    known = {field.name for field in fields(KINDS[name])}
    assert json.loads(EXAMPLES[name]).keys() <= known


def test_every_topic_is_in_the_table():
    topics = Topics("muster", "example")
    named = set(re.findall(r"^\| `(muster/[^`]+)`", PAGE, re.MULTILINE))
    assert named == {
        *(topics.station("s1", kind) for kind in get_args(StationTopic)),
        topics.dock("s1", 1),
        topics.index_state,
        topics.alert("missing", "R0001@h1"),
        topics.daily_report(date(2026, 9, 21)),
    }


def test_every_kind_of_alert_is_explained():
    table = PAGE.partition("| kind |")[2].partition("```")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(get_args(AlertKind))


def test_the_sample_settings_are_settings():
    text = (ROOT / "config" / "index.toml").read_text(encoding="utf-8")
    assert parse_index(text, "index.toml").organisation == "example"


def test_the_sample_calendar_is_a_calendar_also_with_its_examples():
    text = (ROOT / "config" / "calendar.toml").read_text(encoding="utf-8")
    assert parse_calendar(text, "calendar.toml") == CalendarTable()
    lines = re.sub(r"^# (?=\[\[day|date|kind|zh =|en =)", "", text, flags=re.MULTILINE)
    assert len(parse_calendar(lines.replace("kind: ", "# "), "calendar.toml").day) == 2
