"""The questions to wearers: listed while they are open, and answered without scripts."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from contracts.commands import AnswerQuestion
from contracts.questions import REASONS
from tests.support.madeup_station import HOLE, snapshot, write_ledger, write_snapshot

LATE = replace(HOLE, question="q2", kind="late", recorder="LS-0201", person="p05")
OPEN = (replace(HOLE, question="q3"), replace(LATE, person_name="陈志远", department="er"))


@pytest.fixture
def asking(folder):
    """Let the station's ledger hold two open questions beside an answered one."""
    write_ledger(folder, OPEN)


def text_of(answer):
    return " ".join(answer.text.split())


@pytest.mark.usefixtures("asking")
def test_open_questions_are_listed_and_answered_ones_are_not(client):
    shown = text_of(client.get("/questions"))
    assert shown.count("/answer?question=") == 2
    assert "question=q1" not in shown
    assert "没有录像, 是什么原因?" in shown


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("query", [{"person": "p05"}, {"recorder": "LS-0201"}])
def test_one_persons_or_recorders_questions_can_be_asked_for(client, query):
    shown = text_of(client.get("/questions", params=query))
    assert "question=q2" in shown
    assert "question=q3" not in shown


def answers(client, more=""):
    """Return the list of answers, and the page of the only one."""
    listed = text_of(client.get(f"/ledger?type=question.answered{more}"))
    (sequence,) = set(re.findall(r'href="/ledger/(\d+)"', listed))
    return listed, text_of(client.get(f"/ledger/{sequence}?{more}"))


@pytest.mark.usefixtures("ledger")
def test_an_answer_repeats_its_question_and_leads_to_its_entry(client):
    for shown in answers(client):
        assert "没有录像, 是什么原因?” 说明: 电量不足: 换电池" in shown
    page = answers(client)[1]
    asked = re.search(r'href="(/ledger/\d+)">所回答的问题', page)[1]
    assert "询问" in client.get(asked).text
    assert "has no recording: why?”: battery empty" in answers(client, "&lang=en")[0]
    exported = client.get("/ledger.csv?type=question.answered").text  # still in English
    assert "has no recording: why?”: battery empty" in exported


@pytest.mark.usefixtures("ledger")
def test_a_station_without_open_questions_says_so(client):
    assert "没有待说明的问题" in client.get("/questions").text
    assert "No question is open" in client.get("/questions?lang=en").text


@pytest.mark.usefixtures("asking")
def test_the_form_offers_every_reason_and_proposes_the_wearer(client):
    shown = client.get("/answer", params={"question": "q3", "lang": "en"}).text
    assert all(f'value="{code}"' in shown for code in REASONS)
    assert '<option value="p01" selected>' in shown


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("name", ["q1", "none", ""])
def test_what_is_not_open_leads_back_to_the_list(client, name):
    answer = client.get("/answer", params={"question": name}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/questions")


@pytest.mark.usefixtures("asking")
def test_an_answer_that_needs_words_is_sent_back_without_them(client, agent):
    form = {"question": "q3", "answer": "secret", "by": "p01", "pin": "1"}
    answer = client.post("/answer", data={**form, "token": client.token})
    assert answer.status_code == 422
    assert "补充说明" in answer.text
    assert agent.asked == []


@pytest.mark.usefixtures("asking")
def test_the_board_tells_how_many_wait(client, folder):
    write_snapshot(folder, snapshot(open_questions=2))
    shown = client.get("/").text
    assert "有 2 个录像问题待使用人说明" in shown
    write_snapshot(folder, snapshot())
    assert "录像问题" not in client.get("/").text


def test_a_wearer_answers_without_scripts(served, browser, tmp_path, agent_at):
    write_snapshot(tmp_path, snapshot(at=datetime.now(UTC) + timedelta(hours=1), open_questions=2))
    write_ledger(tmp_path, OPEN)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with agent_at(tmp_path) as agent:
        page.goto(served[0])
        page.get_by_role("link", name="查看并说明").click()
        page.get_by_role("row", name="LS-0104").get_by_role("link", name="说明原因").click()
        page.get_by_label("电量不足").check()
        page.get_by_label("补充说明").fill("换电池")
        page.get_by_label("密码").fill("4711")
        page.get_by_role("button", name="登记").click()
        expect(page.locator(".done")).to_contain_text("已登记")
    assert agent.asked == [AnswerQuestion("q3", "battery", "p01", "4711", "换电池")]
    context.close()


@pytest.mark.usefixtures("ledger")
def test_an_entry_shows_device_time_offset_and_corrected_time(client):
    shown = text_of(client.get("/ledger", params={"type": "footage.imported"}))
    number = shown.split('href="/ledger/')[1].split('"')[0]
    entry = text_of(client.get(f"/ledger/{number}"))
    labels = ["设备时间", "时钟偏差", "拍摄时间"]
    places = [entry.index(f"<dt>{label}</dt>") for label in labels]
    assert places == sorted(places)
