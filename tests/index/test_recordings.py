"""The office's pages of imported files and of open questions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from contracts.entry import Draft, Moment
from contracts.facts import FootageImported, Media, draft_of
from contracts.questions import FootageQuestioned, QuestionAnswered
from index.recordings import SHOWN_FILES
from tests.support.joined import moment
from tests.support.made_up_office import NOON, MadeUpOffice

MORNING = NOON - timedelta(hours=3)
FILE = FootageImported(
    visit="v", recorder="R1", dock=1, path=b"a.mp4", name="20261118_093712.mp4", size=3,
    modified_us=1, modified_at=MORNING, name_time="2026-11-18T09:37:12", recorded_at=MORNING,
    recorded_from="name", clock_offset_ms=432_000, sha256="ab", object="o", view="v", held=False,
    media=Media("readable", duration_ms=3_723_000), clock_uncertainty_ms=510,
)  # fmt: skip
HOLE = FootageQuestioned(
    "q1", "v", "R1", "hole", "d1", MORNING, MORNING + timedelta(minutes=7), "p1", "王五"
)


@pytest.fixture
def office(tmp_path):
    office = MadeUpOffice(tmp_path)
    yield office
    office.close()


def page(office, path, language="en"):
    office.ship()
    office.roll()
    client = TestClient(office.pages.app(), base_url="http://localhost")
    answer = client.get(path, params={"lang": language})
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def enter(office, *facts):
    for fact in facts:
        office.station().enter(fact, at=MORNING)


def test_device_time_offset_and_corrected_time_stand_side_by_side(office):
    enter(office, FILE)
    shown = page(office, "/footage/2026-11-18", "zh")
    assert "2026-11-18 09:37:12<br><small" in shown
    assert "快 7 分 12.0 秒 ± 0.5 秒" in shown
    assert "<b>2026-11-18 09:30:00</b>" in shown
    assert "1:02:03" in shown
    assert "7 min 12.0 s fast ± 0.5 s" in page(office, "/footage/2026-11-18")


@pytest.mark.parametrize(
    ("offset_ms", "unsure_ms", "said"),
    [
        (None, None, "unknown, not corrected"),
        (0, 500, "exact ± 0.5 s"),
        (-1_500, None, "1.5 s slow ± unknown"),
        (90_061_000_000, 86_400_000, "1042 d 8 h fast ± 1 d 0 h"),
    ],
)
def test_an_offset_is_said_with_what_is_known_of_it(office, offset_ms, unsure_ms, said):
    enter(office, replace(FILE, clock_offset_ms=offset_ms, clock_uncertainty_ms=unsure_ms))
    assert said in page(office, "/footage/2026-11-18")


def test_times_that_cannot_be_are_left_out_and_nothing_breaks(office):
    never = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    enter(
        office,
        replace(FILE, recorded_at=never, media=Media("unreadable")),
        replace(FILE, clock_offset_ms=2**53 - 1),
    )
    office.station().ledger.append(
        [Draft(FootageImported.TYPE, "R1", {"none": "of it"})], moment(MORNING)
    )
    assert "2 file(s)" in page(office, "/footage/2026-11-18")


def test_the_parts_of_a_recording_stand_together_and_what_is_marked_is_said(office):
    parts = [
        replace(FILE, name=f"{n}.mp4", recording="ab" * 8, part=n, important=important)
        for n, important in ((1, None), (2, "name"))
    ]
    log = replace(FILE, name="1.nmea", recording="ab" * 8, sidecar_of="1.mp4")
    enter(office, parts[0], log, replace(FILE, name="other.mp4"), parts[1])
    shown = page(office, "/footage/2026-11-18")
    places = [shown.index(name) for name in ("1.mp4", "2.mp4", "1.nmea", "other.mp4")]
    assert places == sorted(places)
    assert shown.count("↳") == 2
    assert '2.mp4 <strong>Important</strong> <small class="soft">part 2</small>' in shown


def test_files_stand_by_recorder_and_time_whenever_they_came(office):
    later = FILE.recorded_at + timedelta(minutes=1)
    enter(
        office,
        replace(FILE, recorder="R2", name="c.mp4"),
        replace(FILE, recorder="R1", name="b.mp4", recorded_at=later),
        replace(FILE, recorder="R1", name="a.mp4"),
    )
    shown = page(office, "/footage/2026-11-18")
    places = [shown.index(name) for name in ("a.mp4", "b.mp4", "c.mp4")]
    assert places == sorted(places)


def test_a_clock_that_was_never_synchronised_is_said_once(office):
    at = Moment(MORNING, "example-boot", 1_500, "unsynchronised")
    office.station().ledger.append([draft_of(FILE), draft_of(replace(FILE, name="b.mp4"))], at)
    shown = page(office, "/footage/2026-11-18")
    assert shown.count("clock was synchronised") == 1
    assert "station clock not synchronised" not in shown


def test_a_day_without_files_says_so_and_today_is_the_first_day_shown(office):
    assert "No file was imported on this day" in page(office, "/footage/2026-11-17")
    assert "2026-11-18" in page(office, "/footage")


def test_what_is_more_than_a_page_is_said(office):
    enter(office, *[FILE] * (SHOWN_FILES + 1))
    assert f"Only the first {SHOWN_FILES} files" in page(office, "/footage/2026-11-18")


def test_open_questions_are_listed_by_department_until_they_are_answered(office):
    enter(office, HOLE)
    shown = page(office, "/questions", "zh")
    assert "2026-11-18 09:30:00–09:37:00 没有录像, 是什么原因?" in shown
    assert "执法一中队 <span" in shown
    enter(office, QuestionAnswered("q1", "R1", "battery", "", "p1"))
    assert "No question is open" in page(office, "/questions")
