"""What was typed into forms becomes commands, or one complaint that names the field."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from contracts.commands import Declare, Issue, Observe, ReportFault, Retry, Return
from contracts.errors import FormError
from station import forms

SHANGHAI = ZoneInfo("Asia/Shanghai")
BY = {"recorder": "LS-0101", "by": "p01", "pin": "1234"}
DECLARED = {**BY, "day": "2026-11-20", "reason": "外地办案"}


def read(function, **form):
    return function(forms.Fields(form, SHANGHAI))


def test_an_approver_who_gave_no_pin_was_not_asked():
    command = read(forms.read_issue, recorder="LS-0101", person="p01", pin="1234", approver="p03")
    assert command == Issue("LS-0101", "p01", "1234")


def test_a_return_names_who_enters_it():
    assert read(forms.read_return, **BY) == Return("LS-0101", "p01", "1234")


def test_off_site_is_extended_to_a_moment_in_the_stations_zone():
    command = read(forms.read_declaration, **DECLARED, kind="off_site", until="2026-11-22T18:00")
    assert command.until == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_other_declarations_extend_nothing():
    command = read(forms.read_declaration, **DECLARED, kind="loss", until="2026-11-22T18:00")
    expected = Declare("LS-0101", date(2026, 11, 20), "loss", "外地办案", "p01", "1234")
    assert command == expected


def test_a_screens_clock_is_taken_as_shown():
    command = read(forms.read_observation, **BY, battery="80", clock="2026-11-20T14:03:22")
    assert command == Observe(*BY.values(), 80, datetime(2026, 11, 20, 14, 3, 22))  # noqa: DTZ001  # as a screen shows it


def test_a_fault_has_a_state():
    command = read(forms.read_fault, **BY, state="in_repair", reason="镜头破裂")
    assert command == ReportFault("LS-0101", "in_repair", "镜头破裂", "p01", "1234")


def test_a_retry_names_a_dock():
    assert read(forms.read_retry, dock="3") == Retry(3)


@pytest.mark.parametrize(
    ("function", "form", "label"),
    [
        (forms.read_issue, {"recorder": "LS-0101", "person": "p01"}, "密码"),
        (forms.read_return, {**BY, "recorder": " "}, "记录仪编号"),
        (forms.read_return, {**BY, "recorder": "x" * 501}, "记录仪编号"),
        (forms.read_declaration, {**DECLARED, "kind": "holiday"}, "情况"),
        (forms.read_declaration, {**DECLARED, "kind": "loss", "day": "2026-13-01"}, "日期"),
        (forms.read_declaration, {**DECLARED, "kind": "off_site"}, "延至"),
        (forms.read_observation, BY, "电量或屏幕时间"),
        (forms.read_observation, {**BY, "battery": "101"}, "电量 (0 到 100)"),
        (forms.read_observation, {**BY, "battery": "٣"}, "电量 (0 到 100)"),
        (forms.read_observation, {**BY, "clock": "noon"}, "屏幕时间"),
        (forms.read_fault, {**BY, "state": "eaten", "reason": "x"}, "状态"),
        (forms.read_retry, {}, "工位"),
    ],
)
def test_a_bad_field_is_complained_of_by_its_name(function, form, label):
    with pytest.raises(FormError) as caught:
        read(function, **form)
    assert caught.value.text.zh == f"填写有误: {label}"
