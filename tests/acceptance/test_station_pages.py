"""The kiosk at work: the real agent, the real pages, and a browser without scripts."""

import pytest
from playwright.sync_api import expect

from tests.support.running_agent import HEALTHY, World, pin, running
from tests.support.running_pages import free_port, serving

LOW = HEALTHY.replace("90", "20")


@pytest.fixture
def kiosk(tmp_path, browser):
    """A station whose agent and pages run, with a page open on the kiosk."""
    world, port = World(tmp_path), free_port()
    world.write(more=f"[pages]\nport = {port}\n")
    context = browser.new_context(java_script_enabled=False)
    with running(world) as agent, serving(world.config, port) as (address, _):
        page = context.new_page()
        page.goto(address)
        yield world, agent, page, address
    context.close()


def dock(kiosk, number, script=HEALTHY):
    world, agent, page, address = kiosk
    world.card(number, {"DCIM/20261121_083000.mp4": b"footage"}, script)
    world.plug(number)
    agent.settled()
    page.goto(address)


def test_a_recorder_comes_home_is_issued_and_the_receipt_is_the_ledgers(kiosk):
    _, agent, page, _ = kiosk
    dock(kiosk, "R1")
    page.click("#dock-1 a.button")
    page.click("text=甲")
    page.fill("#pin", pin("p1"))
    page.click("text=确认领用")
    expect(page.locator("h1")).to_have_text("甲 领用记录仪 R1")
    assert agent.wait_entry("recorder.issued")["person"] == "p1"


def test_a_wrong_pin_issues_nothing(kiosk):
    world, _, page, _ = kiosk
    dock(kiosk, "R1")
    page.goto(f"{kiosk[3]}/issue?person=p1")
    page.fill("#pin", "guess")
    page.click("text=确认领用")
    expect(page.locator("[role=alert]")).to_be_visible()
    assert world.entries("recorder.issued") == ()


def test_a_failed_check_needs_a_reason_that_is_entered(kiosk):
    _, agent, page, address = kiosk
    dock(kiosk, "R1", LOW)
    page.goto(f"{address}/issue?person=p1")
    page.fill("#pin", pin("p1"))
    page.check("input[value=R1]")
    page.fill("#override_reason", "现场急需")
    page.click("text=确认领用")
    expect(page.locator("h1")).to_contain_text("理由: 现场急需")
    assert agent.wait_entry("recorder.issued")["override"]["reason"] == "现场急需"


def test_a_department_head_approves_at_the_kiosk(kiosk):
    _, agent, page, address = kiosk
    dock(kiosk, "S1")
    page.goto(f"{address}/issue?person=p2")
    page.fill("#pin", pin("p2"))
    page.fill("#approver_pin", pin("a2"))
    page.click("text=确认领用")
    expect(page.locator("h1")).to_have_text("乙 领用记录仪 S1, 丙 批准")
    assert agent.wait_entry("recorder.issued")["approver"] == "a2"
