"""The office's pages about recordings: what was imported on a day, and what was asked about it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from contracts.entry import ClockState, Entry
from contracts.facts import FootageImported, fact_of
from contracts.questions import question_text
from contracts.text import Text
from index.board import Board
from index.core.calendar import CalendarDay
from index.core.inquiries import Inquiry

SHOWN_FILES = 500
_MINUTE_MS = 60_000
_DAY_MINUTES = 24 * 60
_PLAUSIBLE = (datetime(1980, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_SOURCES = {
    "name": Text("取自文件名", "from the file name"),
    "container": Text("取自文件内容", "from inside the file"),
    "modified": Text("取自修改时间", "from its modification time"),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """One imported file, its three times side by side; None where they are not plausible.

    `is_more`: it is of the same recording as the file before it, of which it is `part`.
    `sequence` is its entry's, in its station's ledger.
    """

    station: str
    sequence: int
    recorder: str
    name: str
    device_at: datetime | None
    told_by: Text
    offset: Text
    recorded_at: datetime | None
    duration: Text
    clock: ClockState
    is_important: bool
    part: int | None
    is_more: bool


@dataclass(frozen=True, slots=True)
class FootageSheet:
    """The files that were imported on a day."""

    day: CalendarDay
    previous: date
    following: date
    recordings: tuple[Recording, ...]
    is_cut: bool

    @property
    def is_all_unsure(self) -> bool:
        """Tell whether no file was imported while its station's clock was synchronised."""
        return all(one.clock != "synchronised" for one in self.recordings)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question without an answer."""

    inquiry: Inquiry
    sentence: Text


@dataclass(frozen=True, slots=True)
class QuestionSheet:
    """The open questions, by the names of departments."""

    departments: tuple[tuple[str, tuple[Asked, ...]], ...]
    total: int


def footage_sheet(board: Board, day: date, limit: int = SHOWN_FILES) -> FootageSheet:
    """Return the page of the files imported on a day, at most so many."""
    found = board.imports(day, limit + 1)
    recordings = tuple(_together(islice(found, limit)))
    one = timedelta(days=1)
    is_cut = next(found, None) is not None
    return FootageSheet(board.day(day), day - one, day + one, recordings, is_cut)


def question_sheet(board: Board, zone: ZoneInfo) -> QuestionSheet:
    """Return the page of the questions without an answer."""
    names = board.departments()
    by_department: defaultdict[str, list[Asked]] = defaultdict(list)
    for inquiry in board.inquiries():
        department = inquiry.fact.department
        said = Asked(inquiry, question_text(inquiry.fact, zone))
        by_department[names.get(department, department)].append(said)
    departments = tuple((name, tuple(asked)) for name, asked in sorted(by_department.items()))
    return QuestionSheet(departments, len(board.inquiries()))


def _together(found: Iterable[tuple[str, Entry]]) -> Iterator[Recording]:
    """Yield the files by recorder and time, those of one recording together, by their parts."""
    groups: dict[tuple[str, ...], list[tuple[bool, Recording]]] = {}
    for station, entry in found:
        try:
            fact = fact_of(entry, FootageImported)
        except ValueError:
            continue  # the index stores what was signed, whatever it says
        alone = f"#{entry.sequence}"  # which no recording's key is
        key = station, fact.recorder, fact.visit, fact.recording or alone
        one = fact.sidecar_of is not None, _recording(station, entry, fact)
        groups.setdefault(key, []).append(one)
    for group in sorted(groups.values(), key=lambda group: _place(group[0][1])):
        ordered = sorted(group, key=lambda one: (one[0], one[1].part or 0))
        for place, (_, recording) in enumerate(ordered):
            yield replace(recording, is_more=True) if place else recording


def _recording(station: str, entry: Entry, fact: FootageImported) -> Recording:
    return Recording(
        station=station,
        sequence=entry.sequence,
        recorder=fact.recorder,
        name=fact.name,
        device_at=_plausible(fact.recorded_at, fact.clock_offset_ms or 0),
        told_by=_SOURCES[fact.recorded_from],
        offset=_offset(fact.clock_offset_ms, fact.clock_uncertainty_ms),
        recorded_at=_plausible(fact.recorded_at, 0),
        duration=_length(fact.media.duration_ms),
        clock=entry.moment.clock,
        is_important=fact.important is not None,
        part=fact.part,
        is_more=False,
    )


def _place(one: Recording) -> tuple[str, datetime]:
    """Return where a recording stands on the page; what has no plausible time comes last."""
    return one.recorder, one.recorded_at or _PLAUSIBLE[1]


def _plausible(at: datetime, later_ms: int) -> datetime | None:
    first, last = _PLAUSIBLE
    if at.tzinfo is None or not first <= at < last:
        return None
    try:
        return at + timedelta(milliseconds=later_ms)
    except OverflowError:
        return None


def _offset(offset_ms: int | None, uncertainty_ms: int | None) -> Text:
    """Return how wrong a clock was, and how sure that is."""
    if offset_ms is None:
        return Text("未知, 未校正", "unknown, not corrected")
    size = _size(abs(offset_ms))
    said = Text(f"快 {size.zh}", f"{size.en} fast")
    if offset_ms <= 0:
        said = Text(f"慢 {size.zh}", f"{size.en} slow") if offset_ms else Text("准确", "exact")
    if uncertainty_ms is None:
        return Text(f"{said.zh} ± 未知", f"{said.en} ± unknown")
    sure = _size(abs(uncertainty_ms))
    return Text(f"{said.zh} ± {sure.zh}", f"{said.en} ± {sure.en}")


def _size(length_ms: int) -> Text:
    minutes, rest_ms = divmod(length_ms, _MINUTE_MS)
    seconds = f"{rest_ms / 1000:.1f}"
    if minutes < _DAY_MINUTES:
        whole = Text(f"{minutes} 分 ", f"{minutes} min ") if minutes else Text("", "")
        return Text(f"{whole.zh}{seconds} 秒", f"{whole.en}{seconds} s")
    days, rest = divmod(minutes, _DAY_MINUTES)
    return Text(f"{days} 天 {rest // 60} 小时", f"{days} d {rest // 60} h")


def _length(duration_ms: int | None) -> Text:
    if duration_ms is None:
        return Text("–", "–")
    minutes, rest_ms = divmod(duration_ms, _MINUTE_MS)
    said = f"{minutes // 60}:{minutes % 60:02}:{rest_ms // 1000:02}"
    return Text(said, said)
