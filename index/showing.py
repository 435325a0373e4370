"""Days, moments, states and alerts as the office reads them, in both languages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from contracts.messages import AlertKind
from contracts.text import Text
from index.board import StationStatus
from index.core.alerts import Alert
from index.core.calendar import CalendarDay

_WEEKDAYS = (
    Text("星期一", "Monday"),
    Text("星期二", "Tuesday"),
    Text("星期三", "Wednesday"),
    Text("星期四", "Thursday"),
    Text("星期五", "Friday"),
    Text("星期六", "Saturday"),
    Text("星期日", "Sunday"),
)
# Not strftime's, which are the locale's.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state looks: a colour (`look`, as in look/muster.css), a sign and a word.

    `sign` is a character, each language's own where it is a letter, or a drawing's name.
    """

    look: str
    sign: str | Text
    word: Text


MARKS = {
    "met": Mark("ready", "●", Text("已采集", "imported")),
    "missing": Mark("failed", "○", Text("未采集", "missing")),
    "unconfirmed": Mark("attention", "?", Text("未确认", "unconfirmed")),
    "late": Mark("attention", "◐", Text("逾期采集", "late")),
    "pending": Mark("copying", "…", Text("待采集", "not due yet")),
    "extended": Mark("copying", Text("延", "E"), Text("已延期", "extended")),
    "declared": Mark("note", Text("说", "D"), Text("已说明", "declared")),
    "repair": Mark("note", Text("修", "R"), Text("送修", "in repair")),
    "unissued": Mark("empty", "–", Text("未领用", "not issued")),
    "rest": Mark("empty", Text("休", "·"), Text("休息日", "day off")),
}
ANSWERS = {
    "no_footage": Text("当日无音像资料", "no footage that day"),
    "off_site": Text("异地或连续执法", "off site or on continuous duty"),
    "repair": Text("设备故障送修", "in repair"),
    "loss": Text("设备丢失", "lost"),
    "other": Text("其他", "other"),
    "in_repair": Text("报修停用", "out of service for repair"),
    "lost": Text("登记丢失", "lost"),
    "in_service": Text("恢复使用", "back in service"),
}
OUTCOMES = {
    "met_late": Text("已逾期采集", "imported late"),
    "met": Text("按期采集, 事后得知", "imported in time, heard of later"),
    "declared": Text("已说明", "declared"),
    "extended": Text("已延期", "extended"),
    "heard_again": Text("已恢复联系", "heard again"),
    "recovered": Text("已恢复正常", "recovered"),
    "withdrawn": Text("已撤销", "withdrawn"),
}
_CONNECTIONS = {
    None: Mark("attention", "offline", Text("从未联系", "never heard from")),
    "lost": Mark("attention", "offline", Text("连接中断", "connection lost")),
    "disconnected": Mark("attention", "offline", Text("已停机", "switched off")),
    "ready": Mark("ready", "ready", Text("在线", "online")),
}
ENTRIES = {
    "ledger.opened": Text("台账启用", "Ledger opened"),
    "agent.started": Text("采集服务启动", "Agent started"),
    "agent.stopped": Text("采集服务停止", "Agent stopped"),
    "witness.met": Text("见证公钥", "Witness met"),
    "device.refused": Text("拒绝设备", "Device refused"),
    "recorder.docked": Text("插入工位", "Docked"),
    "recorder.switched": Text("切换为U盘", "Switched to disk"),
    "recorder.checked": Text("检查", "Checked"),
    "reading.observed": Text("登记读数", "Reading observed"),
    "clock.set": Text("校时", "Clock set"),
    "footage.imported": Text("采集文件", "Imported"),
    "footage.unreadable": Text("文件读不出", "Unreadable"),
    "footage.refused": Text("项目拒收", "Item refused"),
    "visit.completed": Text("入站完成", "Visit completed"),
    "visit.interrupted": Text("入站中断", "Visit interrupted"),
    "clearing.refused": Text("未清空", "Not cleared"),
    "recorder.clearing": Text("清空登记", "Clearing entered"),
    "recorder.cleared": Text("清空结果", "Clearing ended"),
    "archive.commissioned": Text("登记存储磁盘", "Archive commissioned"),
    "storage.faulted": Text("存储故障", "Storage fault"),
    "storage.recovered": Text("存储恢复", "Storage recovered"),
    "footage.damaged": Text("库中文件受损", "Footage damaged"),
    "footage.missing": Text("库中文件缺失", "Footage missing"),
    "footage.intact": Text("库中文件完好", "Footage intact"),
    "footage.replaced": Text("库中文件替换", "Footage replaced"),
    "archive.unexpected": Text("意外文件", "Unexpected file"),
    "archive.settled": Text("意外文件已消除", "Unexpected file gone"),
    "copy.commissioned": Text("登记第二份副本", "Second copy commissioned"),
    "copy.faulted": Text("第二份副本故障", "Second copy fault"),
    "copy.recovered": Text("第二份副本恢复", "Second copy recovered"),
    "copy.damaged": Text("第二份副本受损", "Second copy damaged"),
    "copy.missing": Text("第二份副本缺失", "Second copy missing"),
    "copy.scrubbed": Text("第二份副本校验", "Second copy scrubbed"),
    "footage.copied": Text("已有第二份副本", "Copied a second time"),
    "footage.restored": Text("从第二份副本恢复", "Restored"),
    "view.remade": Text("重建浏览链接", "View made anew"),
    "archive.scrubbed": Text("全库校验", "Archive scrubbed"),
    "recorder.issued": Text("领用", "Issued"),
    "recorder.returned": Text("交回", "Returned"),
    "duty.declared": Text("填写说明", "Declared"),
    "recorder.service": Text("设备状态", "Service"),
    "footage.questioned": Text("询问", "Question"),
    "question.answered": Text("说明原因", "Answer"),
}
ALERTS: dict[AlertKind, Mark] = {
    "missing": MARKS["missing"],
    "unconfirmed": MARKS["unconfirmed"],
    "station_silent": Mark("attention", "offline", Text("采集站失联", "silent station")),
    "station_forked": Mark("failed", "refused", Text("台账分叉", "forked ledger")),
    "station_key": Mark("failed", "refused", Text("密钥不符", "wrong key")),
    "station_storage": Mark("failed", "failed", Text("存储故障", "storage fault")),
    "station_archive": Mark("failed", "failed", Text("库中文件异常", "archive damaged")),
    "station_copy": Mark("attention", "attention", Text("第二份副本异常", "second copy fault")),
    "calendar": Mark("attention", "attention", Text("日历缺失", "calendar missing")),
}


# What the office does about what concerns a whole station.
REMEDIES: dict[AlertKind, Text] = {
    "station_silent": Text("先恢复联系", "get it back on the line first"),
    "station_storage": Text(
        "通知该站管理员检查存储磁盘", "have the station's manager see to the disk"
    ),
    "station_copy": Text(
        "通知该站管理员检查第二份副本的磁盘", "have the station's manager see to the second copy"
    ),
    "station_archive": Text(
        "不要清空该站的记录仪; 送检磁盘, 从备份恢复",
        "clear no recorder there; have the disk examined, restore from the backup",
    ),
}
_FILLING = Mark("attention", "attention", Text("存储将满", "storage filling"))
_STORAGE: tuple[AlertKind, ...] = ("station_storage", "station_archive", "station_copy")


def show_day(day: date) -> Text:
    """Return a day with its weekday, as headings show it."""
    weekday = _WEEKDAYS[day.weekday()]
    return Text(
        f"{day.year}年{day.month}月{day.day}日 {weekday.zh}",
        f"{weekday.en}, {day.day} {_MONTHS[day.month - 1]} {day.year}",
    )


def show_weekday(day: date) -> Text:
    """Return the day's weekday for a narrow column."""
    weekday = _WEEKDAYS[day.weekday()]
    return Text(weekday.zh.replace("星期", "周"), weekday.en[:3])


def show_kind(day: CalendarDay) -> Text:
    """Return whether people work on a day; a guess says so."""
    if day.is_makeup:
        kind = Text("调休上班", "working weekend")
    elif day.kind == "workday":
        kind = Text("工作日", "workday")
    else:
        kind = Text("休息日", "day off")
    named = Text(f"{kind.zh} · {day.zh}", f"{kind.en} · {day.en}") if day.zh else kind
    if day.source == "guess":
        return Text(f"{named.zh} (推算)", f"{named.en} (a guess)")
    return named


def show_length(length: timedelta) -> Text:
    """Return a length of time in its largest units, rounded down; nobody is overdue too early."""
    if length < _MINUTE:
        return Text(f"{length.seconds} 秒", f"{length.seconds} s")
    if length < _HOUR:
        return Text(f"{length // _MINUTE} 分钟", f"{length // _MINUTE} min")
    days, hours, minutes = length // _DAY, length % _DAY // _HOUR, length % _HOUR // _MINUTE
    if days:
        return _two((days, Text("天", "d")), (hours, Text("小时", "h")))
    return _two((hours, Text("小时", "h")), (minutes, Text("分", "min")))


def station_mark(status: StationStatus) -> Mark:
    """Return how a station is, the worst first."""
    if status.is_forked:
        return ALERTS["station_forked"]
    if status.is_key_refused:
        return ALERTS["station_key"]
    if status.is_silent:
        return Mark("failed", "offline", Text("失去联系", "silent"))
    return _CONNECTIONS[status.state]


def alert_mark(alert: Alert) -> Mark:
    """Return how an alert looks; a disk that only fills up stops nothing yet."""
    if alert.kind == "station_storage" and alert.about.endswith("@archive_filling"):
        return _FILLING
    return ALERTS[alert.kind]


def storage_marks(alerts: Iterable[Alert]) -> dict[str, tuple[Mark, ...]]:
    """Return by station what open alerts say of its disk and archive, each thing once."""
    marks: dict[str, dict[Mark, None]] = {}
    for alert in alerts:
        if alert.kind in _STORAGE:
            marks.setdefault(alert.about.rpartition("@")[0], {})[alert_mark(alert)] = None
    return {station: tuple(found) for station, found in marks.items()}


def is_offline(status: StationStatus) -> bool:
    """Tell whether nothing can be heard from a station now."""
    return status.is_silent or status.state != "ready"


def _two(*parts: tuple[int, Text]) -> Text:
    said = [(count, unit) for count, unit in parts if count]
    return Text(
        " ".join(f"{count} {unit.zh}" for count, unit in said),
        " ".join(f"{count} {unit.en}" for count, unit in said),
    )


def show_entry(entry_type: str) -> Text:
    """Return the name of an entry's type; a newer version's type names itself."""
    return ENTRIES.get(entry_type, Text(entry_type, entry_type))


def since(at: datetime, now: datetime) -> Text:
    """Return how long ago something was."""
    return show_length(max(now - at, timedelta()))
