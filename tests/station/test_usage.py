"""The rows of 执法记录仪使用档案."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from contracts.entry import decode, encode
from contracts.facts import Override, RecorderIssued, RecorderReturned, draft_of
from station.usage import months_back, rows_of_month, usage_rows
from tests.support.madeup_station import moment

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(day, hour=0):
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def entered(fact, when):
    return decode(encode(draft_of(fact), 1, "muster/example/s1/0", moment(when)))


def issued(handover, when, department="yi", override=None):
    fact = RecorderIssued(
        handover, "LS-0101", "p01", "王建国", department, (), approver_name="欧阳志强",
        override=override,
    )  # fmt: skip
    return entered(fact, when)


def returned(handover, when):
    return entered(RecorderReturned(handover, "LS-0101", "p01"), when)


def test_an_issue_and_its_return_are_one_row():
    (row,) = usage_rows([issued("h1", at(2)), returned("h1", at(3))])
    assert (row.issued_at, row.returned_at, row.approver) == (at(2), at(3), "欧阳志强")


def test_a_recorder_that_is_out_has_no_return():
    rows = usage_rows([issued("h1", at(2)), issued("h2", at(4)), returned("h2", at(5))])
    assert [row.returned_at for row in rows] == [None, at(5)]


def test_a_return_of_another_handover_ends_nothing():
    assert usage_rows([returned("h0", at(1)), issued("h1", at(2))])[0].returned_at is None


def test_an_override_is_remarked():
    (row,) = usage_rows([issued("h1", at(2), override=Override("p03", "现场急需"))])
    assert row.remark.zh == "检查未通过, 理由: 现场急需"


def test_a_month_is_counted_in_the_stations_zone():
    late = usage_rows([issued("h1", datetime(2026, 10, 31, 17, tzinfo=UTC))])
    assert rows_of_month(late, "2026-11", SHANGHAI) == late


def test_a_month_can_be_of_one_department():
    rows = usage_rows([issued("h1", at(2)), issued("h2", at(2), "er")])
    assert [r.department for r in rows_of_month(rows, "2026-11", SHANGHAI, "er")] == ["er"]


def test_months_go_back_over_the_turn_of_the_year():
    assert months_back(date(2026, 1, 31), 3) == ("2026-01", "2025-12", "2025-11")
