"""Thousands of hostile names through everything that stores, shows, sends or exports them."""

import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

import pytest
from starlette.testclient import TestClient

from agent.core import settling
from agent.core.event import FileUnreadable, Trouble
from agent.core.plan import PlannedCopy
from agent.core.recorder import CardFile, RefusedItem
from contracts.entry import Draft, decode
from contracts.errors import FileUnreadableError
from contracts.facts import (
    DeviceRefused,
    FootageImported,
    Override,
    RecorderIssued,
    draft_of,
    fact_of,
)
from contracts.finding import Finding
from contracts.loading import from_json, to_json
from contracts.names import display, shown, visible
from contracts.snapshot import DockView
from ledger.store import Ledger
from look.exporting import KINDS
from station.cli import pages_of
from station.wording import Speaker
from tests.support import loaded, madeup_station
from tests.support.entering import MOMENT, cosign, opened
from tests.support.hostile_names import names, raw_marks
from tests.support.made_up import imported
from tests.support.made_up_office import hostile_office
from tests.support.running_agent import World, running
from tests.support.running_pages import free_port, serving
from tests.support.sheets import is_obeyed, lines_of, rows_of, text_of

NAMES = names(2_000)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A station that has imported a file of every name."""
    made = World(tmp_path_factory.mktemp("names"))
    made.write()
    made.card("R1", {name: b"footage of " + name for name in NAMES})
    with running(made) as agent:
        made.agent = agent
        made.plug("R1")
        made.visit = agent.wait_entry("visit.completed")
        made.shown = agent.settled()
    return made


def test_every_name_is_imported_and_no_two_look_the_same(world):
    entered = [fact_of(entry, FootageImported) for entry in world.entries("footage.imported")]
    assert world.visit["counts"]["imported"] == len(NAMES) == 2_000
    assert sorted(fact.path for fact in entered) == sorted(NAMES)
    assert {fact.name for fact in entered} == {shown(name) for name in NAMES}
    assert len({fact.view for fact in entered}) == len(NAMES)


def test_every_entry_is_json_of_plain_characters_and_gives_the_name_back(world):
    for entry in world.entries("footage.imported"):
        fact = fact_of(decode(entry.raw), FootageImported)
        assert raw_marks(entry.raw.decode()) == set()
        assert json.loads(entry.raw)["data"]["name"] == shown(fact.path)
        assert (world.archive / fact.object).read_bytes() == b"footage of " + fact.path


def test_the_manifest_of_every_name_is_one_that_sha256sum_passes(world):
    (manifest,) = (world.archive / "manifests").iterdir()
    assert len(manifest.read_text("utf-8").splitlines()) == len(NAMES)
    assert raw_marks(manifest.read_text("utf-8")) == set()
    subprocess.run(
        ["sha256sum", "--strict", "--quiet", "-c", manifest], cwd=world.archive, check=True
    )


def test_the_folders_people_browse_hold_no_name_that_hurts(world):
    below = [path for path in (world.archive / "执法记录仪影像资料").rglob("*") if path.is_file()]
    assert len(below) == len(NAMES)
    for path in below:
        assert raw_marks(path.name) == set()
        assert not set(path.name) & set('\\:*?"<>|')
        assert len(path.name.encode()) <= 255
        assert path.name == path.name.rstrip(". ")


def test_the_log_holds_no_character_that_a_terminal_obeys(world):
    assert raw_marks(world.agent.log.read_text("utf-8")) == set()


@pytest.mark.parametrize("command", [("verify", "--footage"), ("rebuild-views",)])
def test_what_the_program_prints_holds_no_such_character_either(world, command):
    gone = [path for path in (world.archive / "objects").rglob("*") if path.is_file()][::40]
    for path in gone:
        path.rename(world.folder / path.name)
    said = world.tell(*command)
    for path in gone:
        (world.folder / path.name).rename(path)
    assert (said.returncode, "50" in said.stdout) == (1, True)
    assert raw_marks(said.stdout + said.stderr) == set()


def test_a_proof_made_to_hurt_cannot_speak_to_the_terminal(tmp_path):
    ledger = opened(tmp_path / "ledger")
    hurting = {"name": "\x1b[2J\u202e", "sha256": "ab", "path": "YQ"}
    ledger.append([Draft("footage.imported", "\x1b]0;taken\x07", hurting)], MOMENT)
    (tmp_path / "proof").write_bytes(ledger.prove(2))
    (tmp_path / "file").write_bytes(b"x")
    ledger.close()
    said = loaded.run("muster-agent", "check-proof", f"{tmp_path}/proof", f"{tmp_path}/file")
    assert "footage.imported" in said.stdout
    assert raw_marks(said.stdout + said.stderr) == set()


def test_the_dock_that_is_sent_gives_back_what_it_was_made_of(world):
    findings = tuple(Finding("name_clash", "warning", shown(name)) for name in NAMES)
    sent = to_json(replace(world.shown, findings=findings, device=display(NAMES[0])))
    assert from_json(sent, DockView).findings == findings
    assert raw_marks(sent.decode()) == set()


@contextmanager
def hostile_station(folder, port=8640):
    """A station whose ledger and board say every name in every way they can."""
    config = madeup_station.write_station(folder, port)
    madeup_station.write_snapshot(folder, madeup_station.snapshot(docks=tuple(docks())))
    ledger = Ledger.open(folder / "state" / "ledger", "muster/example/s1", MOMENT, "0.1.0")
    for start in range(0, len(NAMES), 200):
        drafts = [draft_of(fact) for name in NAMES[start : start + 200] for fact in facts(name)]
        ledger.append(drafts, MOMENT)
    cosign(ledger)
    ledger.close()
    yield config


def facts(name):
    file = CardFile(name, 5, 10**18)
    trouble = Trouble.of(FileUnreadableError(name=shown(name), offset=0, reason="EIO"))
    yield settling.imported(imported("v1", file), "R1", 1, (None, None))
    match NAMES.index(name) % 3:
        case 0:
            yield settling.unreadable(FileUnreadable("v1", PlannedCopy(file), trouble, 0), "R1")
        case 1:
            yield settling.refused_items("v1", "R1", [RefusedItem(name, "symlink")])[0].fact
        case _:
            yield DeviceRefused("usb:1", name.decode("utf-8", "replace"), "not_a_recorder", 1)


def docks():
    for number, name in enumerate(NAMES[::40], 1):
        raw = name.decode("utf-8", "replace")
        findings = (
            Finding("name_clash", "warning", raw),
            Finding("listing_failed", "blocking", raw),
        )
        yield replace(madeup_station.docks()[2], number=number, device=raw, findings=findings,
                      error_code="file_unreadable", error_zh=raw, error_en=raw)  # fmt: skip


def leaks(text):
    """Return what a page must not hold."""
    live = ("<script>document", "<img src=x", "<svg onload", "<!--")
    return raw_marks(text) | {word for word in live if word in text}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with hostile_station(tmp_path_factory.mktemp("pages")) as config:
        pages = pages_of(config)
        with TestClient(pages.app(), base_url="http://localhost:8640") as made:
            made.size, made.desk = 1 + 2 * len(NAMES), pages.desk
            yield made


@pytest.mark.parametrize(("language", "down_to"), [("zh", 1), ("en", 3_000)])
def test_the_ledgers_pages_show_every_name_escaped(client, language, down_to):
    client.cookies.set("language", language)
    seen, before = 0, client.size + 1
    while before > down_to:
        text = client.get("/ledger", params={"before": before}).text
        assert leaks(text) == set()
        listed = [int(found) for found in _numbers(text) if int(found) < before]
        seen += len(set(listed))
        before = min(listed)
    assert seen >= client.size - down_to


def test_the_entries_pages_and_the_board_show_them_escaped(client):
    for number in range(2, client.size, 97):
        assert leaks(client.get(f"/ledger/{number}").text) == set()
    assert leaks(client.get("/").text) == set()


@pytest.mark.parametrize(("kind", "language"), [("xlsx", "zh"), ("csv", "en")])
def test_the_ledgers_export_holds_every_name_and_nothing_a_spreadsheet_obeys(
    client, kind, language
):
    client.cookies.set("language", language)
    _, _, rows, below = rows_of(client.get(f"/ledger.{kind}").content, kind, 5)
    assert [cell for row in rows for cell in row if is_obeyed(cell)] == []
    assert raw_marks("".join(cell for row in rows for cell in row)) == set()
    said = {int(row[0]): text_of(row[3]) for row in rows}
    assert below[0] == [f"行数 / Rows: {client.size}"]
    for place, name in enumerate(NAMES):
        assert shown(name) in said[2 * place + 2]
    speaker = Speaker(client.desk.names.person, client.desk.zone)
    with client.desk.ledger() as book:
        for entry in book.select():
            sentence = visible(speaker.sentence(entry).speak(language))
            assert said[entry.sequence] == sentence.replace("\n", "\\u{a}").replace("\t", "\\u{9}")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_searched_for_is_exported_safely(client, kind):
    for hurting in ("=1+1", "<r></r>", "a;@SUM(A1)", "\x1b[2J"):
        body = client.get(f"/ledger.{kind}", params={"text": hurting, "recorder": hurting}).content
        lines = [cell for line in lines_of(body, kind) for cell in line]
        assert [cell for cell in lines if is_obeyed(cell)] == []
        assert raw_marks("".join(lines)) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_register_holds_hostile_names_as_they_were_entered(tmp_path, kind):
    called = list(dict.fromkeys(shown(name) for name in NAMES))[::4]
    called += ["=1+1", "<r></is></c><c><f>1</f></c></r>", "_x0041_", "'", "a;=1"]
    config = madeup_station.write_station(tmp_path)
    ledger = Ledger.open(tmp_path / "state" / "ledger", "muster/example/s1", MOMENT, "0.1.0")
    issued = (
        RecorderIssued(f"h{n}", f"R{n}", name, name, name, (), None, name, name,
                       Override("p03", name))
        for n, name in enumerate(called)
    )  # fmt: skip
    ledger.append(list(map(draft_of, issued)), MOMENT)
    ledger.close()
    pages = pages_of(config)
    pages.desk = replace(pages.desk, clock=lambda: MOMENT.at)
    with TestClient(pages.app(), base_url="http://localhost:8640") as client:
        body = client.get(f"/forms/usage.{kind}", params={"month": "2026-09"}).content
    _, _, rows, _ = rows_of(body, kind, 8)
    assert [cell for row in rows for cell in row if is_obeyed(cell)] == []
    found = [[text_of(cell) for cell in row] for row in rows]
    assert [(row[1], row[3], row[4]) for row in found] == [(name,) * 3 for name in called]
    assert [row[7] for row in found] == [f"检查未通过, 理由: {name}" for name in called]


def test_the_offices_exports_hold_nothing_a_spreadsheet_obeys(tmp_path):
    called = list(dict.fromkeys(name.decode("utf-8", "replace")[:60] for name in NAMES))[::20]
    called += ["=1+1", "<r></is></c><c><f>1</f></c></r>", "a;=1"]
    office = hostile_office(tmp_path, called)
    client = TestClient(office.pages.app(), base_url="http://localhost")
    paths = ("/roll", "/owed", "/day/2026-11-17", "/footage/2026-11-17")
    seen = set()
    for path, kind in product(paths, KINDS):
        answer = client.get(f"{path}.{kind}")
        assert answer.status_code == 200
        cells = [cell for line in lines_of(answer.content, kind) for cell in line]
        assert [cell for cell in cells if is_obeyed(cell)] == []
        assert raw_marks("".join(cells)) == set()
        seen.update(map(text_of, cells))
    office.close()
    one_line = {ord("\n"): "\\u{a}", ord("\t"): "\\u{9}"}
    assert {visible(name).translate(one_line) for name in called} <= seen


def test_the_offices_pages_show_what_bears_a_hostile_name_escaped(tmp_path):
    called = list(dict.fromkeys(name.decode("utf-8", "replace")[:60] for name in NAMES))[::20]
    office = hostile_office(tmp_path, called)
    client = TestClient(office.pages.app(), base_url="http://localhost")
    for path in ("/", "/day/2026-11-18", "/day/2026-11-17", "/alerts", "/stations"):
        assert leaks(client.get(path).text) == set()
    office.close()


def test_a_browser_runs_nothing_of_a_name(tmp_path, browser):
    port = free_port()
    with hostile_station(tmp_path, port) as config, serving(config, port) as (address, _):
        context = browser.new_context()
        page = context.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        for path in (
            "/",
            "/ledger",
            "/ledger?before=1500",
            "/ledger?before=3500",
            "/ledger/900",
            "/ledger?lang=en",
        ):
            page.goto(address + path)
            assert "taken" not in page.title()
        context.close()
    assert said == []


def _numbers(text):
    return re.findall(r'href="/ledger/(\d+)"', text)
