"""The real program with a real browser: liveness, life without scripts, and a clean stop."""

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from contracts.dock import DockState
from contracts.facts import Counts
from tests.support.madeup_station import PEOPLE, docks, snapshot, write_ledger, write_snapshot
from tests.support.sheets import rows_of

TOUCHED = 38  # pixels that a finger hits


def fresh(**changes):
    """Return a snapshot that does not become stale while the test runs."""
    return snapshot(at=datetime.now(UTC) + timedelta(hours=1), **changes)


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    page = context.new_page()
    page.problems = []
    page.on("console", lambda said: page.problems.append(said.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    context.close()


def test_the_board_follows_the_snapshot_without_being_reloaded(served, page, tmp_path):
    address, _ = served
    write_snapshot(tmp_path, fresh())
    page.goto(address)
    expect(page.locator("#dock-1 .state")).to_contain_text("采集中")
    view = docks()[0].__class__(**{**vars(docks()[0]), "state": DockState.READY})
    write_snapshot(tmp_path, fresh(docks=(view, *docks()[1:])))
    expect(page.locator("#dock-1 .state")).to_contain_text("完成可领用")
    assert page.problems == []


def test_the_board_says_so_when_it_hears_nothing(served, page, tmp_path):
    address, process = served
    write_snapshot(tmp_path, fresh())
    page.goto(address)
    expect(page.locator("#lost")).to_be_hidden()
    process.send_signal(signal.SIGTERM)
    expect(page.locator("#lost")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize(("path", "kind"), [("/ledger", "Excel"), ("/forms/usage", "CSV")])
def test_a_click_takes_a_list_away_as_a_file(served, page, tmp_path, path, kind):
    address, _ = served
    write_snapshot(tmp_path, fresh())
    size = write_ledger(tmp_path)
    page.goto(f"{address}{path}")
    with page.expect_download() as taken:
        page.get_by_role("link", name=f"导出 {kind}").click()
    assert taken.value.failure() is None
    body = taken.value.path().read_bytes()
    if path == "/ledger":
        assert taken.value.suggested_filename.startswith("台账_s1_")
        assert len(rows_of(body, "xlsx", 5)[2]) == size
    else:
        assert taken.value.suggested_filename.startswith("执法记录仪使用档案_s1_")
        assert rows_of(body, "csv", 8)[1][0] == "序号 / No."
    assert page.problems == []


def test_an_event_stream_does_not_hold_up_a_stop(served, page):
    address, process = served
    page.goto(address)
    expect(page.locator("#dock-1")).to_be_visible()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def test_hostile_names_run_nothing(served, page, tmp_path):
    name = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    view = docks()[1].__class__(**{**vars(docks()[1]), "recorder": name, "person": name})
    write_snapshot(tmp_path, fresh(docks=(view,)))
    page.goto(served[0])
    expect(page.locator("#dock-2 .recorder")).to_have_text(name)
    assert "taken" not in page.title()
    assert page.problems == []


def test_a_recorder_is_issued_without_scripts(served, browser, tmp_path, agent_at):
    write_snapshot(tmp_path, fresh())
    write_ledger(tmp_path)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with agent_at(tmp_path) as agent:
        page.goto(f"{served[0]}/issue")
        page.click("text=王建国")
        page.fill("#pin", "2468")
        page.fill("#approver_pin", "1357")
        page.click("text=确认领用")
        expect(page.locator(".done")).to_contain_text("已登记")
    context.close()
    assert agent.asked[0].recorder == "LS-0102"


def test_a_pin_can_be_entered_by_touch(served, page, tmp_path):
    write_snapshot(tmp_path, fresh())
    page.goto(f"{served[0]}/issue?person=p01")
    page.click("#pin")
    for key in ("2", "4", "9", "⌫", "6"):
        page.click(f".pin:has(#pin) .keypad button:text-is('{key}')")
    assert page.input_value("#pin") == "246"


def test_a_reason_is_asked_for_only_where_checks_failed(served, page, tmp_path):
    write_snapshot(tmp_path, fresh())
    page.goto(f"{served[0]}/issue?person=p01")
    expect(page.locator("#override_reason")).to_be_hidden()
    page.check("input[value='LS-0103']")
    expect(page.locator("#override_reason")).to_be_visible()


def test_only_managers_are_offered_to_put_a_recorder_back_in_service(served, page, tmp_path):
    write_snapshot(tmp_path, fresh())
    page.goto(f"{served[0]}/fault")
    shown = "[...document.querySelectorAll('#by option')].filter(o => getComputedStyle(o).display"
    everybody = page.evaluate(f"{shown} !== 'none').length")
    page.check("[value='in_service']")
    assert page.evaluate(f"{shown} !== 'none').map(o => o.value)") == ["", "p07"]
    assert everybody == len(PEOPLE) + 1


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [(1024, 625), (1280, 800)])
def test_six_docks_fit_a_small_monitor_and_no_check_takes_a_second_line(
    served, page, tmp_path, size, language
):
    write_snapshot(tmp_path, fresh())
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{served[0]}/?lang={language}")
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    lines = "[...document.querySelectorAll('.tile .lamps')].map(l => "
    tops = page.evaluate(f"{lines}new Set([...l.children].map(c => Math.round(c.offsetTop))).size)")
    assert set(tops) == {1}


def test_the_bar_is_as_high_on_every_page_and_low_on_a_phone(served, page, tmp_path):
    write_snapshot(tmp_path, fresh())
    write_ledger(tmp_path)
    heights = set()
    for path in ("/", "/issue", "/return", "/fault", "/ledger", "/forms/usage"):
        page.goto(served[0] + path)
        heights.add(page.locator(".topbar").bounding_box()["height"])
    assert len(heights) == 1
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(served[0])
    assert page.locator(".topbar").bounding_box()["height"] <= 90
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_no_file_is_counted_under_is_not_shown(served, page, tmp_path):
    ready = docks()[1]
    write_snapshot(tmp_path, fresh(docks=(replace(ready, counts=Counts(6, 6)),)))
    page.goto(served[0])
    expect(page.locator(".counts")).to_have_text("文件 6 = 新采集 6")


def test_who_takes_a_recorder_on_a_small_monitor_can_hit_what_is_there(served, page, tmp_path):
    write_snapshot(tmp_path, fresh())
    page.set_viewport_size({"width": 1024, "height": 625})
    page.goto(f"{served[0]}/issue?person=p01")
    assert page.locator("#pin").bounding_box()["height"] >= TOUCHED
    assert page.locator("button.big").bounding_box()["height"] >= TOUCHED
