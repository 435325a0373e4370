"""The office's pages as they live: event streams, a browser, and a server that stops."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect

from index.serving import Serving
from tests.support.index_program import IndexProgram
from tests.support.made_up_office import NOON, MadeUpOffice, busy_office, hostile_office
from tests.support.mosquitto import free_port
from tests.support.sheets import rows_of

HOSTILE = ("<script>document.title='broken'</script>", '"><img src=x onerror=alert(1)>')
PAGES = ("/", "/day/2026-11-17", "/footage/2026-11-17", "/questions", "/alerts", "/stations")
A4_ACROSS = 1031  # what 12 mm of margin leave of 297 mm, in CSS pixels
# Wider than its column, or of more lines than the two that a moment and a delay take.
OVERFULL = "one => one.scrollWidth > one.clientWidth || one.clientHeight > 45"


@contextmanager
def served(office):
    server = Serving(office.pages, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        office.close()


@pytest.fixture
def office(tmp_path):
    """An office whose one recorder was issued this morning and is due by midnight."""
    office = MadeUpOffice(tmp_path)
    office.issue("LS-0101", "王建国", at=NOON - timedelta(hours=3))
    office.ship()
    office.roll()
    return office


def fragment(lines):
    taken = []
    for line in lines:
        if not line:
            return "\n".join(taken)
        assert line.startswith("data: ")
        taken.append(line.removeprefix("data: "))
    return None


@pytest.mark.parametrize("path", PAGES)
def test_a_stream_says_at_once_what_the_page_shows(office, path):
    with served(office) as address, httpx.stream("GET", f"{address}/events{path}") as stream:
        shown = fragment(stream.iter_lines())
    assert shown
    assert "2026-11-18 12:30:00" in shown


def test_a_stream_speaks_the_language_it_is_asked_for(office):
    address_of = "/events/?lang=en"
    with served(office) as address, httpx.stream("GET", address + address_of) as stream:
        assert "Roll called at" in fragment(stream.iter_lines())


def test_open_streams_end_when_the_server_stops(office):
    server = Serving(office.pages, "127.0.0.1", 0)
    with httpx.stream("GET", f"http://127.0.0.1:{server.port}/events/") as stream:
        lines = stream.iter_lines()
        fragment(lines)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert fragment(lines) is None
    stopping.join()
    office.close()


def test_the_whole_program_stops_in_good_order_while_somebody_watches(tmp_path):
    program = IndexProgram(tmp_path / "index", free_port())
    program.start()
    url = f"http://127.0.0.1:{program.page_port}/events/"
    with httpx.stream("GET", url) as stream:
        lines = stream.iter_lines()
        fragment(lines)
        program.process.terminate()
        while fragment(lines) is not None:
            pass
    assert program.stop() == 0
    assert "Traceback" not in program.log()
    assert "Cancel" not in program.log()


def test_the_page_follows_the_roll_by_itself(office, browser):
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    with served(office) as address:
        page.goto(address)
        expect(page.locator("#missing")).to_contain_text("没有超期未采集的记录仪")
        after_midnight = NOON + timedelta(hours=12)
        office.ship(at=after_midnight)
        office.roll(after_midnight)
        expect(page.locator("#missing tbody")).to_contain_text("LS-0101")
        office.visit("LS-0101", at=after_midnight + timedelta(hours=1))
        office.ship(at=after_midnight + timedelta(hours=2))
        office.roll(after_midnight + timedelta(hours=2))
        expect(page.locator("#missing")).to_contain_text("没有超期未采集的记录仪")
        expect(page.locator(".grid")).to_contain_text("◐")
    page.close()


def test_a_click_takes_the_grid_away_as_a_file(office, browser):
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    with served(office) as address:
        page.goto(address)
        with page.expect_download() as taken:
            page.locator("#grid").get_by_role("link", name="导出 Excel").click()
        body = taken.value.path().read_bytes()
    assert taken.value.suggested_filename == "点名表_2026-11-18.xlsx"
    assert [row[0] for row in rows_of(body, "xlsx", 15)[2]] == [
        d.name for d in office.roster.department
    ]
    page.close()


def test_the_page_says_so_when_it_hears_nothing(office, browser):
    page = browser.new_page()
    page.clock.install()
    with served(office) as address:
        page.goto(address)
        expect(page.locator("#lost")).to_be_hidden()
    page.clock.run_for(20_000)
    expect(page.locator("#lost")).to_be_visible()
    page.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_fit_the_screen_and_break_no_rule_even_with_hostile_names(
    tmp_path, browser, language
):
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    with served(hostile_office(tmp_path, HOSTILE)) as address:
        for path in PAGES:
            with page.expect_response(f"**/events{path}**"):
                page.goto(f"{address}{path}?lang={language}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 1366
            assert "broken" not in page.title()
    page.close()
    assert said == []


def test_without_scripts_everything_is_still_there(office, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with served(office) as address:
        page.goto(address)
        page.click("text=按日查看")
        expect(page.locator("table")).to_contain_text("LS-0101")
        page.click("text=前一天")
        expect(page.locator("h1")).to_have_text("2026年11月17日 星期二")
    context.close()


def right_of(page, selector):
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"]


@pytest.mark.parametrize("path", ["/day/2026-11-17", "/footage/2026-11-17"])
def test_the_buttons_of_a_day_are_on_a_narrow_screen(office, browser, path):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    with served(office) as address:
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.parametrize("width", [390, 1024])
def test_today_is_seen_on_a_narrow_screen_without_moving_the_page(tmp_path, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 844})
    with served(busy_office(tmp_path)) as address:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".topbar").bounding_box()["height"] <= 100
        assert width < 1024 or right_of(page, ".grid [aria-current]") <= right_of(page, "#grid")
    page.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_printed_day_breaks_no_heading_and_no_name(tmp_path, browser, language):
    page = browser.new_page(viewport={"width": A4_ACROSS, "height": 700})
    page.emulate_media(media="print")
    with served(busy_office(tmp_path)) as address:
        page.goto(f"{address}/day/2026-11-17?lang={language}")
        cells = ".day th, .day td:nth-child(-n + 7)"
        assert page.locator(cells).count() > 0
        found = f"[...document.querySelectorAll('{cells}')].filter({OVERFULL})"
        assert page.evaluate(f"{found}.map(one => one.innerText)") == []
    page.close()
