"""What the office's pages hand over as files."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from contracts.checkpoint import Checkpoint
from index import exporting
from look.exporting import KINDS
from tests.index.test_recordings import FILE, MORNING
from tests.support.made_up_office import NOON, MadeUpOffice, busy_office, roster_of
from tests.support.sheets import rows_of

DAY = "2026-11-18"
COLUMNS = {"/roll": 15, "/owed": 9, f"/day/{DAY}": 10, f"/footage/{DAY}": 8}


def client_of(office):
    return TestClient(office.pages.app(), base_url="http://localhost")


def exported(client, path, kind="csv", language="zh"):
    """Return the lines above, the headings, the rows and the lines below of an export."""
    answer = client.get(f"{path}.{kind}", params={"lang": language})
    assert answer.status_code == 200
    columns = next(count for start, count in COLUMNS.items() if path.startswith(start[:5]))
    return rows_of(answer.content, kind, columns)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    office = busy_office(tmp_path_factory.mktemp("office"))
    yield office
    office.close()


@pytest.fixture
def client(office):
    return client_of(office)


@pytest.fixture
def own(tmp_path):
    office = MadeUpOffice(tmp_path)
    yield office
    office.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_grid_says_of_every_department_and_day_what_the_page_says(client, kind):
    above, head, rows, below = exported(client, "/roll", kind)
    assert above[0] == ["部门 × 日期 / Departments × days"]
    assert above[1] == ["2026-11-05 – 2026-11-18"]
    assert head[0] == "部门 / Department"
    assert head[3] == "2026-11-07 周六 休息日 / Sat day off"
    assert head[14] == "2026-11-18 周三 工作日 / Wed workday"
    table = {row[0]: row[1:] for row in rows}
    assert table["执法一中队"][2] == "休 休息日"
    assert table["执法一中队"][-2:] == ["○ 未采集 1/2", "– 未领用"]
    assert table["执法二中队"][-2:] == ["? 未确认 0/1", "… 待采集 1/2"]
    assert table["市容管理科"][-1] == "说 已说明 0/1"
    assert below[0] == ["行数 / Rows: 3"]


@pytest.mark.parametrize(
    ("language", "overdue", "why"),
    [("zh", "12 小时 30 分", "城东中队采集站 2026-11-17 13:30 起无音讯"),
     ("en", "12 h 30 min", "城东中队采集站 not heard from since 2026-11-17 13:30")],
)  # fmt: skip
def test_what_is_owed_says_since_when_or_why_nobody_can_tell(client, language, overdue, why):
    _, _, rows, _ = exported(client, "/owed", language=language)
    missing, unconfirmed = rows
    assert missing[2:5] == ["王建国 (p-王建国)", "R-MISSING", "2026-11-17 12:30"]
    assert missing[6:8] == ["2026-11-17 24:00", overdue]
    assert (unconfirmed[3], unconfirmed[7], unconfirmed[8]) == ("R-UNCONFIRMED", "", why)


def test_a_days_duties_are_those_of_its_page(client):
    above, _, rows, _ = exported(client, f"/day/{DAY}")
    assert ["2026年11月18日 星期三 / Wednesday, 18 November 2026: 工作日 / workday"] in above
    assert [row[3] for row in rows] == ["R-MET", "R-PENDING", "R-DECLARED"]
    met, pending, declared = rows
    assert (met[1], met[7]) == ("● 已采集", "2026-11-18 11:33")
    assert len(pending) == 7
    assert declared[9] == "当日无音像资料: 全天参加会议 (p-周科长)"


def test_when_a_card_was_cleared_and_a_recorder_kept_are_said(tmp_path):
    office = MadeUpOffice(tmp_path, roster_of(daily=("d1",)))
    at = NOON - timedelta(hours=2)
    office.issue("R-CLEARED", "王建国", "d2", at=at)
    office.visit("R-CLEARED", at=at + timedelta(hours=1))
    office.clear("R-CLEARED", docked_at=at + timedelta(hours=1), at=NOON)
    office.ship()
    office.roll()
    _, _, rows, _ = exported(client_of(office), f"/day/{DAY}")
    office.close()
    cleared = {row[3]: row for row in rows}
    assert cleared["R-CLEARED"][7:9] == ["2026-11-18 11:33", "2026-11-18 12:30"]
    assert cleared["K-d1"][4:6] == [f"{DAY} 专人保管", ""]


def test_imported_files_have_their_times_and_their_entries_numbers(own):
    second = replace(FILE, name="b.mp4", recording="x", part=2, important="name")
    first = replace(second, name="a.mp4", part=1, important=None, sidecar_of=None)
    for fact in (FILE, second, first):
        own.station().enter(fact, at=MORNING)
    own.ship()
    own.roll()
    _, head, rows, below = exported(client_of(own), f"/footage/{DAY}")
    assert head[1] == "序号 / No."
    assert [row[1:4] for row in rows] == [
        ["2", "R1", "20261118_093712.mp4"],
        ["4", "R1", "a.mp4 (第 1 段)"],
        ["3", "↳ R1", "b.mp4 (重点, 第 2 段)"],
    ]
    assert rows[0][4:] == [
        "2026-11-18 09:37:12 (取自文件名)",
        "快 7 分 12.0 秒 ± 0.5 秒",
        "2026-11-18 09:30:00",
        "1:02:03",
    ]
    assert below[0] == ["行数 / Rows: 3"]


def test_more_files_than_are_exported_are_said(own, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_FILES", 2)
    for _ in range(3):
        own.station().enter(FILE, at=MORNING)
    own.ship()
    own.roll()
    _, _, rows, below = exported(client_of(own), f"/footage/{DAY}")
    assert len(rows) == 2
    assert below[1] == ["只显示最先采集的 2 个文件 / Only the first 2 files are shown"]


@pytest.mark.parametrize("path", COLUMNS)
def test_an_export_names_every_ledger_it_was_read_from(office, client, path):
    above, _, _, below = exported(client, path)
    assert ["单位 / Office: 示范县执法监督中心"] in above
    assert ["导出时间 / Exported: 2026-11-18 12:30:00 Asia/Shanghai"] in above
    assert ["点名时间 / Roll called at: 2026-11-18 12:30:00"] in above
    ledgers = {"": office.own}
    ledgers |= {"政务大厅采集站 · ": office.stations["s1"].ledger}
    ledgers |= {"城东中队采集站 · ": office.stations["s2"].ledger}
    expected = set()
    for whose, ledger in ledgers.items():
        origin, size, root = str(Checkpoint.of_note(ledger.checkpoint)).splitlines()
        expected.add(f"台账 / Ledger: {whose}{origin}, {size} 条 / entries, 根 / root {root}")
    assert {line[0] for line in below[1:]} == expected


def test_an_entry_that_the_roll_does_not_know_of_yet_waits_for_the_next(own):
    own.station().enter(FILE, at=MORNING)
    own.ship()
    own.roll()
    own.station().enter(FILE, at=MORNING)
    own.ship()
    client = client_of(own)
    assert len(exported(client, f"/footage/{DAY}")[2]) == 1
    own.roll()
    assert len(exported(client, f"/footage/{DAY}")[2]) == 2


def test_an_export_of_a_roll_that_stopped_says_so(own):
    own.roll()
    fresh = exported(client_of(own), "/roll")[0]
    own.now += timedelta(hours=1)
    stale = exported(client_of(own), "/roll")[0]
    assert [line for line in stale if line not in fresh][-1][0].startswith("点名已停止 / The roll")
    own.board.put(replace(own.board._view, is_connected=False))
    assert any("连接中断" in line[0] for line in exported(client_of(own), "/roll")[0] if line)


@pytest.mark.parametrize("path", ["/roll.pdf", "/day/2026-02-30.csv", "/footage/x.xlsx", "/roll"])
def test_nothing_else_is_offered(client, path):
    assert client.get(path).status_code == 404


def test_files_are_named_for_people(client):
    said = client.get(f"/footage/{DAY}.xlsx").headers["content-disposition"]
    assert unquote(said.partition("''")[2]) == f"采集文件_{DAY}.xlsx"
