"""The office's pages over HTTP, on a real database with real ledgers behind it."""

import json
from datetime import timedelta

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract
from starlette.testclient import TestClient

from contracts.archive_facts import FootageMissing
from index import rendering
from index.pages import build_pages
from tests.support.made_up_office import NOON, MadeUpOffice, busy_office, hostile_office, roster_of

PAGES = (
    "/",
    "/day/2026-11-18",
    "/day/2026-11-17",
    "/day/2026-11-14",
    "/footage/2026-11-18",
    "/questions",
    "/alerts",
    "/stations",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "a\u202egpj.exe",
    "\x1b[31mred\x07\r\ndata: forged\u2028\u2029",
    "</td></table><svg/onload=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "=cmd|' /C calc'!A0",
)  # fmt: skip


def client_of(office):
    return TestClient(office.pages.app(), base_url="http://localhost", follow_redirects=False)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    office = busy_office(tmp_path_factory.mktemp("office"))
    yield office
    office.close()


@pytest.fixture
def client(office):
    return client_of(office)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    office = hostile_office(tmp_path_factory.mktemp("hostile"), HOSTILE)
    yield client_of(office)
    office.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_shown_in_both_languages(client, path, language):
    response = client.get(path, params={"lang": language})
    assert response.status_code == 200
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in response.text


def test_the_language_is_remembered(client):
    client.get("/?lang=en")
    assert "<h1>Today</h1>" in client.get("/").text


@pytest.mark.parametrize("page", ["/day", "/footage"])
def test_the_language_is_kept_on_the_way_to_a_day(client, page):
    shown = client.get(f"{page}?lang=en", follow_redirects=True)
    assert "Wednesday, 18 November 2026" in shown.text


@pytest.mark.parametrize("words", ["R-MISSING", "王建国", "2026-11-17 12:30", "12 小时 30 分"])
def test_today_says_who_is_missing_and_since_when(client, words):
    page = client.get("/").text
    section = page[page.index('id="missing"') : page.index('id="unconfirmed"')]
    assert words in section
    assert "R-UNCONFIRMED" not in section


def test_today_says_why_the_unconfirmed_cannot_be_judged(client):
    page = client.get("/").text
    section = page[page.index('id="unconfirmed"') : page.index('id="grid"')]
    assert "<b>城东中队采集站</b> 2026-11-17 13:30 起无音讯" in section


def test_a_day_says_by_whom_and_how_a_duty_was_answered(client):
    page = client.get("/day/2026-11-18").text
    assert "当日无音像资料: 全天参加会议" in page
    assert "(p-周科长)" in page


def test_a_day_says_how_late_footage_was(client):
    page = client.get("/day/2026-11-17").text
    assert "逾期 11 小时 33 分" in page[page.index("R-LATE") : page.index("R-MISSING")]


def test_a_day_says_when_the_card_was_cleared(tmp_path):
    office = MadeUpOffice(tmp_path)
    at = NOON - timedelta(hours=2)
    for recorder, code in (("R-CLEARED", "cleared"), ("R-KEPT", "recorder_gone")):
        office.issue(recorder, "王建国", at=at)
        office.visit(recorder, at=at + timedelta(hours=1))
        docked_at = at + timedelta(hours=1)
        office.clear(recorder, docked_at=docked_at, at=NOON - timedelta(minutes=30), code=code)
    office.ship()
    office.roll()
    page = client_of(office).get("/day/2026-11-18").text
    office.close()
    assert page.count("卡已清空") == 1
    assert "卡已清空 2026-11-18 12:00" in page[page.index("R-CLEARED") : page.index("R-KEPT")]


@pytest.mark.parametrize("path", ["/", "/alerts", "/stations"])
def test_a_damaged_archive_is_shown_wherever_its_station_is(tmp_path, path):
    office = MadeUpOffice(tmp_path)
    office.station().enter(FootageMissing("R1", "a" * 64, "objects/a", "a.mp4", 9), at=NOON)
    office.ship()
    office.roll()
    page = client_of(office).get(path).text
    office.close()
    assert "库中文件异常" in page
    assert path == "/stations" or "不要清空该站的记录仪" in page


def test_alerts_say_what_became_of_them(client):
    history = client.get("/alerts").text.partition('id="history"')[2]
    assert "R-LATE" in history
    assert "已逾期采集" in history


def test_stations_show_what_was_heard_last(client):
    page = client.get("/stations").text
    assert "政务大厅采集站" in page
    assert "入站完成" in page


def test_a_day_is_found_by_its_date(client):
    assert client.get("/day?on=2026-11-17").headers["location"] == "/day/2026-11-17"
    assert client.get("/day").headers["location"] == "/day/2026-11-18"


@pytest.mark.parametrize(
    "path",
    [
        "/day/2026-02-30",
        "/day/20261118",
        "/day/0001-01-01",
        "/day/9999-12-31",
        "/day?on=x",
        "/nothing",
        "/stations/forks/0",
        "/events/nothing",
        "/events/day/2026-02-30",
        "/look/../index/pages.py",
    ],
)
def test_what_is_not_there_is_said_to_be_missing(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "没有这一页" in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/alerts", "/events/"])
def test_the_pages_only_read(client, path, method):
    assert client.request(method, path).status_code == 405


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[", "a b"])
def test_a_foreign_host_name_gets_nothing(client, host):
    response = client.get("/", headers={"host": host})
    assert response.status_code == 421
    assert "王建国" not in response.text


@pytest.mark.parametrize("host", ["localhost:8641", "192.0.2.7", "[2001:db8::1]:8641", "LocalHost"])
def test_our_own_names_and_addresses_are_known(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/look/office.css"])
def test_every_answer_forbids_what_pages_do_not_need(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_hostile_names_are_shown_as_text(hostile, path, language):
    page = hostile.get(path, params={"lang": language}).text
    assert not any(tag in page for tag in ("<script>", "<img src=x", "<svg/", "' autofocus"))
    assert not set(page) & {"\u202e", "\x1b", "\x07", "\u2028", "\u2029"}
    assert 'style="' not in page


def test_hostile_names_can_still_be_read(hostile):
    page = hostile.get("/").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a\\u{202e}gpj.exe" in page
    assert "{{ 7*7 }}" in page


def test_an_office_without_departments_or_stations_says_so(tmp_path):
    office = MadeUpOffice(tmp_path, roster_of(()))
    office.roll()
    page = client_of(office).get("/").text
    assert "名册中还没有部门" in page
    assert "还没有采集站联系过中心索引" in page
    office.close()


def test_a_year_without_a_calendar_is_said_loudly(tmp_path):
    office = MadeUpOffice(tmp_path, official=lambda day: None)
    office.roll()
    page = client_of(office).get("/").text
    assert "2026 年节假日安排未知" in page
    assert "工作日 (推算)" in page
    office.close()


def test_a_roll_that_is_no_longer_called_is_said_loudly(office):
    later = build_pages(office.board, office.settings, lambda: NOON + timedelta(minutes=5))
    page = TestClient(later.app(), base_url="http://localhost").get("/").text
    assert "点名已停止" in page


def test_a_fork_can_be_taken_away_as_evidence(tmp_path):
    office = MadeUpOffice(tmp_path)
    office.ship()
    office.office.store.keep_fork(1, b'{"why": "two roots"}', "ab" * 32, NOON)
    office.roll()
    client = client_of(office)
    assert f"/stations/forks/{'ab' * 32}" in client.get("/stations").text
    assert json.loads(client.get(f"/stations/forks/{'ab' * 32}").content) == {"why": "two roots"}
    office.close()


def test_a_database_that_fails_is_said_with_its_remedy(tmp_path):
    office = MadeUpOffice(tmp_path)
    with office.office.store._transaction() as connection:
        connection.exec_driver_sql("DROP TABLE entry")
    response = client_of(office).get("/stations")
    assert response.status_code == 503
    assert "index_store" in response.text
    office.close()


def test_every_phrase_has_its_english_and_no_english_is_left_over():
    said = set()
    for template in rendering.TEMPLATES.glob("*.html"):
        with template.open("rb") as file:
            found = babel_extract(file, ["_"], [], {"trim_blocks": "true"})
            said |= {p if isinstance(p, str) else p[0] for _line, _function, p, _comments in found}
    assert said == set(rendering.english())


def test_a_phrase_and_its_english_have_the_same_fields():
    with (rendering.LOCALE / "en.po").open("rb") as file:
        catalogue = read_po(file)
    assert [message.id for message in catalogue if message.id and list(message.check())] == []
