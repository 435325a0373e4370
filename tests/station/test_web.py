"""The pages over HTTP: what they show, what they ask the agent, whom they refuse."""

import re
from dataclasses import replace

import pytest

from contracts.commands import Answer, Issue, Retry, Return
from contracts.facts import RecorderReturned
from contracts.finding import Finding
from contracts.proof import check
from contracts.snapshot import SecondCopyView, StorageView
from station.browsing import PAGE_ENTRIES
from station.cli import pages_of
from station.handing import issue
from station.page import Asked
from station.wording import title_of
from tests.support.madeup_station import (
    NOW,
    docks,
    recorders,
    snapshot,
    write_ledger,
    write_snapshot,
)

PAGES = ("/", "/issue", "/issue?person=p01", "/return", "/declare", "/observe", "/fault")
LEDGER_PAGES = ("/ledger", "/ledger/10", "/forms/usage", "/receipt/15")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "javascript:alert(1)",
    "a\u202egpj.exe",
    "\x1b[31mred\x07",
    "</textarea><svg/onload=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
)
ISSUE = {"recorder": "LS-0102", "person": "p01", "pin": "2468", "approver": "p03"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES + LEDGER_PAGES)
def test_every_page_opens_in_both_languages(client, ledger, path, language):
    client.cookies.set("language", language)
    answer = client.get(path)
    assert answer.status_code == 200
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}"' in answer.text


def test_the_board_shows_state_recorder_person_and_bottom_line(client):
    text = client.get("/").text
    for word in (
        "采集中",
        "完成可领用",
        "LS-0101",
        "王建国",
        "35",
        "9.7 GB",
        "7 分 11 秒",
        "已见证",
    ):
        assert word in text


def test_a_language_asked_for_is_kept(client):
    client.get("/?lang=en")
    assert "Importing" in client.get("/").text


def test_a_missing_snapshot_is_said_clearly(client, folder):
    (folder / "run" / "snapshot.json").unlink()
    assert "采集服务未运行" in client.get("/").text


def test_trouble_at_the_station_is_shown(client, folder):
    write_snapshot(folder, snapshot(trouble_zh="存储磁盘已满", trouble_en="disk full"))
    assert "存储磁盘已满" in client.get("/").text


def test_the_best_charged_recorder_of_the_own_department_is_proposed(client):
    text = client.get("/issue?person=p01").text
    assert 'value="LS-0102" required checked' in text
    assert text.index("LS-0102") < text.index("LS-0101") < text.index("LS-0201")


def test_nothing_is_proposed_where_the_own_department_has_nothing_to_issue(client):
    assert "required checked" not in client.get("/issue?person=p04").text


def test_a_recorder_asked_for_by_its_tile_is_chosen(client):
    assert (
        'value="LS-0103" required checked' in client.get("/issue?person=p01&recorder=LS-0103").text
    )


def test_a_recorder_kept_by_another_is_not_offered(client, folder):
    roster = folder / "roster.toml"
    text = roster.read_text(encoding="utf-8")
    kept = text.replace('number = "LS-0102"', 'number = "LS-0102"\nkeeper = "p02"')
    roster.write_text(kept, encoding="utf-8")
    desk = replace(pages_of(folder / "station.toml").desk, clock=lambda: NOW)
    asked = Asked("/issue", {"person": "p01"}, NOW)
    numbers = [choice.recorder.number for choice in issue(desk, asked).values["choices"]]
    assert "LS-0102" not in numbers


def test_approval_is_asked_for_where_the_policy_says_so(client):
    assert 'name="approver_pin"' in client.get("/issue?person=p01").text


def test_an_unknown_person_is_asked_for_again(client):
    assert "花名册中没有编号" in client.get("/issue?person=nobody").text


def test_an_issue_is_asked_of_the_agent_and_answered_with_the_entry(client, agent, ledger):
    answer = client.post("/issue", data={**ISSUE, "approver_pin": "1357", "token": client.token})
    assert agent.asked == [Issue("LS-0102", "p01", "2468", "p03", "1357")]
    assert answer.url.path == "/receipt/2"


def test_a_refusal_is_shown_without_the_pins(client, agent):
    agent.answer = Answer(False, "密码不对", "Wrong PIN", "pin_wrong", "请重试", "Try again")
    answer = client.post("/issue", data={**ISSUE, "token": client.token})
    assert answer.status_code == 422
    assert "密码不对" in answer.text
    assert "pin_wrong" in answer.text
    assert "2468" not in answer.text


def test_a_silent_agent_is_a_clear_refusal(client):
    answer = client.post("/issue", data={**ISSUE, "token": client.token})
    assert "采集服务未运行" in answer.text


def test_a_retry_leads_back_to_the_board(client, agent):
    agent.answer = Answer(ok=True, zh="好", en="Fine")
    answer = client.post("/retry", data={"dock": "3", "token": client.token})
    assert agent.asked == [Retry(3)]
    assert answer.url.path == "/"


def test_a_retry_that_is_refused_says_why(client, agent):
    agent.answer = Answer(ok=False, zh="工位空着", en="The dock is empty", code="dock_empty")
    answer = client.post("/retry", data={"dock": "3", "token": client.token})
    assert answer.status_code == 409
    assert "工位空着" in answer.text


def test_a_return_by_hand_is_asked_of_the_agent(client, agent, ledger):
    form = {"recorder": "LS-0104", "by": "p07", "pin": "2468", "token": client.token}
    client.post("/return", data=form)
    assert agent.asked == [Return("LS-0104", "p07", "2468")]


def test_what_was_typed_is_kept_when_it_is_refused_but_no_pin(client, agent):
    form = {"recorder": "LS-0105", "state": "lost", "by": "p07", "pin": "2468"}
    text = client.post("/fault", data={**form, "token": client.token}).text
    assert "填写有误: 说明" in text
    assert 'value="LS-0105" selected' in text
    assert "2468" not in text
    assert agent.asked == []


def test_without_the_agent_there_is_nothing_to_choose(client, folder):
    (folder / "run" / "snapshot.json").unlink()
    assert "没有可以领用的记录仪" in client.get("/issue?person=p01").text


@pytest.mark.parametrize("path", ["/issue", "/return", "/declare", "/observe", "/fault", "/retry"])
def test_a_form_without_our_token_asks_nothing(client, agent, path):
    assert client.post(path, data=ISSUE).status_code == 403
    assert agent.asked == []


def test_a_form_from_another_origin_asks_nothing(client, agent):
    headers = {"origin": "http://evil.example"}
    answer = client.post("/issue", data={**ISSUE, "token": client.token}, headers=headers)
    assert answer.status_code == 403
    assert agent.asked == []


@pytest.mark.parametrize("path", ["/", "/events", "/look/muster.css"])
def test_a_foreign_host_name_is_refused(client, path):
    assert client.get(path, headers={"host": "evil.example"}).status_code == 421


def test_pages_have_a_strict_policy_and_are_not_cached(client):
    headers = client.get("/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_cookies_are_kept_from_scripts_and_other_sites(pages, client):
    client.cookies.clear()
    cookie = client.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize("path", PAGES + LEDGER_PAGES)
def test_no_page_has_inline_script_or_style(client, ledger, path):
    text = client.get(path).text
    assert text.count("<script") == text.count("<script src=")
    assert " style=" not in text
    assert "<style" not in text


def test_a_form_that_is_too_long_is_refused(client):
    assert client.post("/issue", data={"token": "x" * 20_000}).status_code == 413


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(client, folder, name):
    view = docks()[1].__class__(**{**vars(docks()[1]), "recorder": name, "person": name})
    write_snapshot(folder, snapshot(docks=(view,)))
    text = client.get("/").text
    assert "alert(1)>" not in text
    assert not set(text) & {"\u202e", "\x1b", "\x07"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_searches_are_shown_as_text(client, ledger, name):
    text = client.get("/ledger", params={"text": name, "recorder": name}).text
    assert "alert(1)>" not in text
    assert not set(text) & {"\u202e", "\x1b", "\x07"}


def test_the_ledger_shows_what_is_witnessed_and_what_is_only_signed(client, ledger):
    text = client.get("/ledger").text
    assert text.count("sealed") == ledger - 1
    assert text.count("#signed") == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"text": "现场急需"}, 1),
        ({"type": "recorder.returned"}, 1),
        ({"recorder": "LS-0105"}, 2),
        ({"since": "2026-11-21"}, 0),
        ({"until": "2026-11-19"}, 0),
        ({"text": "' OR 1=1 --"}, 0),
    ],
)
def test_the_ledger_is_searched(client, ledger, query, count):
    assert client.get("/ledger", params=query).text.count('class="sentence"') == count


def test_older_entries_are_on_the_next_page(client, folder):
    write_ledger(folder, [RecorderReturned("h", "LS-0101", "p01")] * 40)
    first = client.get("/ledger").text
    assert first.count('class="sentence"') == PAGE_ENTRIES
    older = re.search(r'href="(/ledger[^"]*before=\d+)"', first)[1]
    assert 0 < client.get(older).text.count('class="sentence"') < PAGE_ENTRIES


def test_a_malformed_day_is_complained_of(client, ledger):
    assert "填写有误" in client.get("/ledger", params={"since": "yesterday"}).text


def test_the_files_of_one_recording_are_listed_together(client, ledger):
    text = client.get("/ledger/10").text
    link = text.partition('<p><a href="/ledger?')[2].partition('"')[0].replace("&amp;", "&")
    assert "同一录像的全部文件" in text
    listed = client.get(f"/ledger?{link}").text
    assert listed.count('class="sentence"') == 1
    assert "DCIM/A.MP4" in listed


def test_an_entrys_proof_is_checked_on_the_spot(client, ledger):
    assert "证明成立: 已签名, 已见证" in client.get("/ledger/10").text
    assert "证明成立: 已签名, 尚未见证" in client.get(f"/ledger/{ledger}").text


def test_the_bundle_can_be_taken_away_and_holds(client, ledger):
    answer = client.get("/ledger/10/proof")
    assert "attachment" in answer.headers["content-disposition"]
    assert check(answer.content, "0" * 64).holds


@pytest.mark.parametrize("path", ["/receipt/9999", "/nothing"])
def test_what_is_not_there_is_said_so(client, ledger, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "没有这一页" in answer.text


def test_no_ledger_yet_is_said_with_what_to_do(client):
    answer = client.get("/ledger")
    assert answer.status_code == 503
    assert "ledger_storage" in answer.text


def test_the_register_has_the_columns_of_the_form(client, ledger):
    text = client.get("/forms/usage").text
    columns = "序号|单位(部门)名称|执法记录仪编号|使用人|批准人|领用时间|交回时间|备注"
    places = [text.index(f"<th>{column}</th>") for column in columns.split("|")]
    assert places == sorted(places)
    assert "现场急需" in text


def test_the_register_of_another_month_is_empty(client, ledger):
    assert "本月没有领用记录" in client.get("/forms/usage?month=2026-10").text


def test_every_type_can_be_searched_for(client, ledger):
    assert title_of("visit.completed").zh in client.get("/ledger").text


STORAGE = StorageView(
    code="archive_low", zh="磁盘将满", en="nearly full",
    remedy_zh="腾出空间", remedy_en="make room", stops=True,
    damaged=2, missing=1, scrubbed_at=NOW, scrubbed_files=7,
)  # fmt: skip


def test_a_storage_fault_and_damaged_files_are_shown_with_what_to_do(client, folder):
    write_snapshot(folder, snapshot(storage=STORAGE))
    text = client.get("/").text
    for words in ("磁盘将满", "腾出空间", "archive_low", "受损 2 缺失 1 ", "全库校验"):
        assert words in text
    client.cookies.set("language", "en")
    assert "2 damaged 1 missing " in client.get("/").text


AWAY = SecondCopyView(
    is_known=True, confirmed=7, owed=2, owed_bytes=5_000_000, code="second_copy_absent",
    zh="磁盘不在", en="disk gone", remedy_zh="挂载该磁盘", remedy_en="mount it",
)  # fmt: skip
GOOD = SecondCopyView(is_known=True, confirmed=7)


@pytest.mark.parametrize(
    ("view", "zh", "en"),
    [
        (None, "未设置", "none set up"),
        (SecondCopyView(owed=7), "未知", "unknown"),
        (GOOD, "完整", "complete"),
        (replace(GOOD, owed=3, owed_bytes=5_000_000), "待复制 3", "3 to copy"),
        (AWAY, "不可用, 待复制 2", "away, 2 to copy"),
        (replace(AWAY, code="second_copy_full"), "已满, 待复制 2", "full, 2 to copy"),
    ],
)
def test_the_bottom_line_always_says_how_the_second_copy_is(client, folder, view, zh, en):
    write_snapshot(folder, snapshot(second_copy=view))
    for language, label, word in (("zh", "第二份副本", zh), ("en", "Second copy", en)):
        line = client.get(f"/?lang={language}").text.partition('id="second-copy"')[2]
        assert label in line
        assert word in line.partition("</span>")[0]


def test_a_second_copy_that_is_away_is_shown_with_what_to_do(client, folder):
    write_snapshot(folder, snapshot(second_copy=AWAY))
    text = client.get("/").text
    assert all(words in text for words in ("磁盘不在", "挂载该磁盘", "second_copy_absent"))


def test_a_pass_under_way_shows_how_far_it_is(client, folder):
    write_snapshot(folder, snapshot(storage=StorageView(scrub_percent=43)))
    assert "43%" in client.get("/").text


def out_of_service(place):
    why = Finding("in_repair", "blocking", "镜头破裂")
    there = recorders()
    gone = replace(there[1], place=place, issuable=False, findings=(why,))
    return snapshot(recorders=(there[0], gone, *there[2:]))


@pytest.mark.parametrize(("place", "word"), [("in_repair", "送修停用"), ("lost", "登记丢失")])
def test_what_is_out_of_service_is_listed_with_its_reason_and_cannot_be_chosen(
    client, folder, place, word
):
    write_snapshot(folder, out_of_service(place))
    text = client.get("/issue?person=p01&recorder=LS-0102").text
    choice = text[text.index('value="LS-0102"') :].partition("</label>")[0]
    assert "disabled" in choice
    assert "checked" not in choice
    assert word in choice
    assert "镜头破裂" in choice


def test_the_only_approver_is_told_that_nobody_else_can_approve(client, folder):
    text = client.get("/issue?person=p03").text
    assert 'value="LS-0102" required disabled' in text
    assert "须由执法一中队的批准人批准, 除本人外没有批准人" in text
    assert 'value="LS-0201" required disabled' not in text
    assert 'name="approver_pin"' not in text


def test_who_can_take_nothing_is_asked_for_no_pin(client, folder):
    write_snapshot(folder, snapshot(recorders=recorders()[:3]))
    text = client.get("/issue?person=p03").text
    assert "现在都不能由此人领用" in text
    assert 'name="pin"' not in text


def test_only_who_can_approve_a_recorder_that_is_there_is_offered(client):
    text = client.get("/issue?person=p01").text
    assert 'name="approver" value="p03"' in text
    assert 'name="approver" value="p06"' not in text


def test_a_recorder_chosen_on_the_board_is_named_while_its_taker_is_asked_for(client):
    assert "领用 LS-0102: 谁来领用?" in client.get("/issue?recorder=LS-0102").text


@pytest.mark.parametrize("path", ["/ledger/9999", "/ledger/9999/proof"])
def test_an_entry_that_is_not_there_is_answered_with_how_many_there_are(client, ledger, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert f"台账共 {ledger} 条, 没有这一条" in answer.text
