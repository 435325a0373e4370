"""What the office's pages list, in full, as files to take away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from zoneinfo import ZoneInfo

from contracts.settings import IndexSettings
from contracts.text import Language, Text
from index import office, recordings, showing
from index.board import Board
from index.core.alerts import local_text
from index.core.roll import Duty, Standing
from index.recordings import Recording
from index.rendering import english
from index.showing import Mark
from look import exporting
from look.exporting import Cell, Column, Table, labelled

MOST_FILES = 100_000
_DUTY = (("部门", 18), ("状态", 11), ("使用人", 14), ("记录仪编号", 16), ("领用时间", 24))
_TIMES = (("交回时间", 17), ("采集截止", 24))
_DAY = (*_DUTY, *_TIMES, ("采集完成", 17), ("卡已清空", 17), ("说明", 40))
_OWED = (*_DUTY, *_TIMES, ("已超期", 16), ("不能认定的原因", 40))
_FOOTAGE = (
    *(("采集站名称", 24), ("序号", 9), ("记录仪编号", 16), ("文件", 50), ("设备时间", 28)),
    *(("时钟偏差", 24), ("校正时间", 20), ("时长", 10)),
)


@dataclass(frozen=True)
class Clerk:
    """Writes tables of what a board says, as of `now`, in the words of one language.

    `board` stays as it is meanwhile; `is_stale`: its roll is no longer called.
    """

    board: Board
    settings: IndexSettings
    now: datetime
    is_stale: bool
    language: Language

    def roll(self) -> Table:
        """Return the grid department × day."""
        today = office.today_of(self.board)
        columns = [Column(_word("部门"), 20)]
        for day in today.days:
            week, kind = showing.show_weekday(day.day), showing.show_kind(day)
            said = Text(f"{day.day} {week.zh} {kind.zh}", f"{week.en} {kind.en}")
            columns.append(Column(said, 13))
        first, last = today.days[0].day, today.days[-1].day
        return Table(
            name=f"点名表_{last}",
            title=_word("部门 × 日期"),
            above=(f"{first} – {last}", *self._made(), str(_word("数字: 已采集/应采集"))),
            columns=tuple(columns),
            rows=((line.name, *map(self._cell, line.cells)) for line in today.lines),
            below=self._read_from(),
        )

    def owed(self) -> Table:
        """Return what is missing of any day, and what cannot be judged."""
        today = office.today_of(self.board)
        missing, unconfirmed = _word("未采集"), _word("未确认")
        return Table(
            name=f"未采集_{today.day.day}",
            title=Text(f"{missing.zh}, {unconfirmed.zh}", f"{missing.en}, {unconfirmed.en}"),
            above=(str(showing.show_day(today.day.day)), *self._made()),
            columns=_columns(_OWED),
            rows=map(self._owed, (*today.missing, *today.unconfirmed)),
            below=self._read_from(),
        )

    def day(self, day: date) -> Table:
        """Return the duties of one day."""
        sheet = office.day_sheet(self.board, day)
        about = labelled(showing.show_day(day), showing.show_kind(sheet.day))
        return Table(
            name=f"按日查看_{day}",
            title=_word("按日查看"),
            above=(about, str(sheet.tally.text), *self._made()),
            columns=_columns(_DAY),
            rows=(self._answered(s) for one in sheet.departments for s in one.standings),
            below=self._read_from(),
        )

    def footage(self, day: date) -> Table:
        """Return the files imported on one day, each with its number in its station's ledger."""
        sheet = recordings.footage_sheet(self.board, day, MOST_FILES)
        cut = _word("只显示最先采集的 %(n)s 个文件")
        note = Text(cut.zh % {"n": MOST_FILES}, cut.en % {"n": MOST_FILES})
        return Table(
            name=f"采集文件_{day}",
            title=_word("采集文件"),
            above=(
                labelled(showing.show_day(day), showing.show_kind(sheet.day)),
                str(_word("校正时间 = 设备时间 − 偏差; 偏差为采集时所测, ± 为不确定度")),
                *self._made(),
            ),
            columns=_columns(_FOOTAGE),
            rows=map(self._recording, sheet.recordings),
            below=(*((str(note),) if sheet.is_cut else ()), *self._read_from()),
        )

    def _made(self) -> Iterator[str]:
        yield labelled(Text("单位", "Office"), self.settings.name)
        yield exporting.made_line(self._second(self.now), self.settings.zone)
        yield labelled(_word("点名时间"), self._second(self.board.at))
        if self.is_stale:
            stopped, past = (
                _word("点名已停止"),
                _word("下面显示的不是当前情况. 请通知管理员检查中心索引"),
            )
            yield labelled(stopped, past)
        if not self.board.is_connected:
            yield str(_word("中心索引与消息代理的连接中断, 各采集站的新情况暂时收不到"))

    def _read_from(self) -> tuple[str, ...]:
        return tuple(
            exporting.ledger_line(head, f"{whose} ·" if whose else "")
            for whose, head in self.board.ledgers()
        )

    def _cell(self, cell: office.Cell) -> str:
        counts = f" {cell.tally.met}/{cell.tally.due}" if cell.tally.due else ""
        return f"{self._marked(cell.mark)}{counts}"

    def _marked(self, mark: Mark) -> str:
        sign = mark.sign.speak(self.language) if isinstance(mark.sign, Text) else mark.sign
        return f"{sign} {mark.word.speak(self.language)}"

    def _duty(self, standing: Standing) -> tuple[Cell, ...]:
        duty = standing.duty
        person = duty.person_name
        return (
            duty.department_name,
            self._marked(office.mark_of(standing)),
            person if person == duty.person else f"{person} ({duty.person})",
            duty.recorder,
            self._issued(duty),
            self._returned(duty),
            self._due(standing),
        )

    def _owed(self, standing: Standing) -> tuple[Cell, ...]:
        since = ""
        if standing.state == "missing" and standing.due_at:
            since = showing.since(standing.due_at, self.board.at).speak(self.language)
        return (
            *self._duty(standing),
            since,
            self._silences(standing),
        )

    def _answered(self, standing: Standing) -> tuple[Cell, ...]:
        cleared_at = self.board.cleared_at(standing)
        return (
            *self._duty(standing),
            self._moment(standing.met_at),
            self._moment(cleared_at),
            self._answer(standing) if standing.answer else self._silences(standing),
        )

    def _answer(self, standing: Standing) -> str:
        answer = showing.ANSWERS[standing.answer].speak(self.language) if standing.answer else ""
        reason = f": {standing.reason}" if standing.reason else ""
        return f"{answer}{reason}" + (f" ({standing.answered_by})" if standing.answered_by else "")

    def _silences(self, standing: Standing) -> str:
        since = self._say("%(time)s 起无音讯")
        never = self._say("从未联系")
        return ", ".join(
            f"{self._names.get(silence.station, silence.station)} "
            + (since % {"time": self._moment(silence.since)} if silence.since else never)
            for silence in standing.silent
        )

    def _issued(self, duty: Duty) -> str:
        if duty.kind == "issue":
            return self._moment(duty.opened_at)
        return f"{duty.day} {self._say('专人保管')}"

    def _returned(self, duty: Duty) -> str:
        if duty.kind != "issue":
            return ""
        return self._moment(duty.returned_at) or self._say("未交回")

    def _due(self, standing: Standing) -> str:
        if standing.due_at is None:
            return self._say("交回后起算")
        extended = f" {self._say('已延期')}" if standing.extended else ""
        return self._moment(standing.due_at) + extended

    def _recording(self, one: Recording) -> tuple[Cell, ...]:
        doubt = "" if one.clock == "synchronised" else f" ({self._say('站时钟未校时')})"
        told_by = one.told_by.speak(self.language)
        marks = [self._say("重点")] if one.is_important else []
        if one.part:
            marks.append(self._say("第 %(n)s 段") % {"n": one.part})
        return (
            self._names.get(one.station, one.station) + doubt,
            one.sequence,
            f"↳ {one.recorder}" if one.is_more else one.recorder,
            one.name + (f" ({', '.join(marks)})" if marks else ""),
            f"{self._second(one.device_at)} ({told_by})" if one.device_at else "",
            one.offset.speak(self.language),
            self._second(one.recorded_at) if one.recorded_at else "",
            one.duration.speak(self.language),
        )

    @cached_property
    def _names(self) -> dict[str, str]:
        return {status.station: status.name for status in self.board.stations()}

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.zone)

    def _say(self, chinese: str) -> str:
        return _word(chinese).speak(self.language)

    def _moment(self, at: datetime | None) -> str:
        return local_text(at, self._zone) if at else ""

    def _second(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"


def _columns(wanted: tuple[tuple[str, int], ...]) -> tuple[Column, ...]:
    return tuple(Column(_word(heading), width) for heading, width in wanted)


def _word(chinese: str) -> Text:
    """Return a phrase of the pages in both languages."""
    return Text(chinese, _english()[chinese])


_english = cache(english)
