"""What an entry holds as a list in people's words; what only machines read stays raw."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.archive_facts import ScrubCounts
from contracts.clearing import Reason
from contracts.entry import Entry
from contracts.facts import FACTS, Counts, Fact, Media, fact_of
from contracts.finding import Finding
from contracts.reading import Reading
from contracts.text import Text
from station.showing import (
    show_bytes,
    show_duration,
    show_offset,
    show_second,
    show_uncertainty,
)
from station.terms import UNKNOWN, term_of, told_apart

Rows = Iterator[tuple[Text, tuple[Text, ...]]]


@dataclass(frozen=True)
class Details:
    """Words what an entry holds, in a station's time zone."""

    zone: ZoneInfo

    def rows(self, entry: Entry) -> tuple[tuple[Text, tuple[Text, ...]], ...]:
        """Return labels with their lines; none for a newer version's entry."""
        if entry.type not in FACTS:
            return ()
        try:
            fact = fact_of(entry, FACTS[entry.type])
        except ValueError:
            return ()
        return tuple(self._rows(fact))

    def _rows(self, fact: Fact) -> Rows:
        last: tuple[Text, ...] = ()  # a code and its reason are often the same words
        for name, label in LABELS.items():
            value = getattr(fact, name, None)
            if value is None and not (name in _COUNTED and hasattr(fact, name)):
                continue
            lines = tuple(self._lines(name, value))
            if lines and not (name == "reason" and lines == last):
                yield label, lines
            last = lines

    def _lines(self, name: str, value: object) -> Iterator[Text]:
        if isinstance(value, datetime):
            yield _same(show_second(value, self.zone))
        elif isinstance(value, Counts | ScrubCounts):
            yield _counts(value)
        elif isinstance(value, Media):
            yield from filter(None, (_media(value),))
        elif isinstance(value, tuple):
            for item in value:
                yield _item(item)
        elif name in _SHOWN:
            yield _SHOWN[name](value)
        elif value not in {"", None} and not isinstance(value, bytes):
            yield _same(str(value))


def _same(said: str) -> Text:
    return Text(said, said)


def _size(value: object) -> Text:
    if value is None:
        return UNKNOWN
    count = int(str(value))
    return Text(f"{show_bytes(count)} ({count} 字节)", f"{show_bytes(count)} ({count} bytes)")


def _known(value: object) -> Text:
    return UNKNOWN if value is None else _same(str(value))


def _answer(value: object) -> Text:
    return Text("是", "yes") if value else Text("否", "no")


def _item(item: object) -> Text:
    if isinstance(item, Finding):
        return _advice(item.sentence, item.remedy)
    if isinstance(item, Reading):
        return _reading(item)
    if isinstance(item, tuple):
        return _range(*item)
    if isinstance(item, str) and item in tuple(Reason):
        return _advice(Reason(item).sentence, Reason(item).remedy)
    return term_of(str(item))


def _advice(sentence: Text, remedy: Text) -> Text:
    return Text(f"{sentence.zh} → {remedy.zh}", f"{sentence.en} → {remedy.en}")


def _range(offset: int, length: int) -> Text:
    return Text(
        f"第 {offset} 字节起, {show_bytes(length)} ({length} 字节)",
        f"from byte {offset}, {show_bytes(length)} ({length} bytes)",
    )


def _reading(reading: Reading) -> Text:
    label, shown = _READINGS[reading.kind], _value(reading)
    sure, how = term_of(reading.confidence), told_apart(reading.how)
    if reading.value is None:
        why = Text(f" ({how.zh})", f" ({how.en})") if reading.how else Text("", "")
        return Text(f"{label.zh} {shown.zh}{why.zh}", f"{label.en} {shown.en}{why.en}")
    return Text(
        f"{label.zh} {shown.zh} ({sure.zh}: {how.zh})",
        f"{label.en} {shown.en} ({sure.en}: {how.en})",
    )


def _value(reading: Reading) -> Text:
    if reading.value is None:
        return UNKNOWN
    if reading.kind == "battery_percent":
        return _same(f"{reading.value}%")
    if reading.kind != "clock_offset_ms":
        return _same(show_bytes(reading.value))
    return _offset(reading.value, reading.uncertainty)


def _offset(offset_ms: int, uncertainty_ms: int | None) -> Text:
    said = show_offset(offset_ms)
    if uncertainty_ms is None:
        return said
    unsure = show_uncertainty(uncertainty_ms)
    return Text(f"{said.zh} {unsure.zh}", f"{said.en} {unsure.en}")


def _counts(counts: Counts | ScrubCounts) -> Text:
    if isinstance(counts, ScrubCounts):
        return Text(
            f"应有 {counts.expected} = 完好 {counts.intact} + 受损 {counts.damaged} + 缺失 "
            f"{counts.missing}; 意外 {counts.unexpected}; 浏览链接 {counts.views}, 重建 "
            f"{counts.views_remade}; 读出 {show_bytes(counts.bytes_read)}",
            f"{counts.expected} expected = {counts.intact} intact + {counts.damaged} damaged + "
            f"{counts.missing} missing; {counts.unexpected} unexpected; {counts.views} view(s), "
            f"{counts.views_remade} made anew; {show_bytes(counts.bytes_read)} read",
        )
    return Text(
        f"共 {counts.listed} = 新采集 {counts.imported} + 已有 {counts.held} + 读不出 "
        f"{counts.unreadable} + 拒收 {counts.refused}",
        f"{counts.listed} listed = {counts.imported} imported + {counts.held} already held + "
        f"{counts.unreadable} unreadable + {counts.refused} refused",
    )


def _media(media: Media) -> Text | None:
    parts = [media.container or "", *media.codecs]
    if media.width and media.height:
        parts.append(f"{media.width} × {media.height}")
    said = [_same(part) for part in parts if part]
    if media.duration_ms is not None:
        length = show_duration(media.duration_ms / 1000)
        said.append(Text(f"时长 {length.zh}", f"{length.en} long"))
    if not said:
        return None
    return Text(" · ".join(one.zh for one in said), " · ".join(one.en for one in said))


_COUNTED = frozenset({"removed", "left", "others", "clock_offset_ms"})
_READINGS = {
    "battery_percent": Text("电量", "battery"),
    "clock_offset_ms": Text("时钟", "clock"),
    "free_bytes": Text("剩余空间", "free space"),
    "total_bytes": Text("总容量", "capacity"),
}
_SHOWN: dict[str, Callable[[object], Text]] = {
    **dict.fromkeys(
        ("size", "found_size", "bad_bytes", "partial_bytes", "total_bytes", "imported_bytes"), _size
    ),
    **dict.fromkeys(_COUNTED, _known),
    "clock_offset_ms": lambda value: (
        Text("未知, 时间未校正", "unknown; the time is not corrected")
        if value is None
        else show_offset(int(str(value)))
    ),
    "clock_uncertainty_ms": lambda value: show_uncertainty(int(str(value))),
    **dict.fromkeys(("held", "stops", "asked", "second_copy"), _answer),
    **dict.fromkeys(
        ("kind", "state", "what", "outcome", "code", "answer"), lambda v: term_of(str(v))
    ),
    "important": lambda value: term_of(f"important_{value}"),
    "reason": lambda value: told_apart(str(value)),
}
# In the order in which they are read; what is in none of these is among the raw fields.
LABELS: dict[str, Text] = {
    "recorder": Text("记录仪编号", "Recorder"),
    "dock": Text("工位", "Dock"),
    "port": Text("端口", "Port"),
    "device": Text("设备", "Device"),
    "profile": Text("型号档案", "Recorder profile"),
    "person_name": Text("使用人", "Person"),
    "approver_name": Text("批准人", "Approver"),
    "day": Text("日期", "Day"),
    "kind": Text("情况", "Kind"),
    "state": Text("状态", "State"),
    "until": Text("延至", "Until"),
    "name": Text("文件", "File"),
    "important": Text("重点", "Important"),
    "sidecar_of": Text("所属文件", "Goes with"),
    "recording": Text("同一录像编号", "Recording"),
    "part": Text("录像第几段", "Part of it"),
    "size": Text("大小", "Size"),
    "found_size": Text("现在大小", "Size now"),
    "counts": Text("文件数", "Files"),
    "imported_bytes": Text("新采集", "Imported"),
    "files": Text("应移除文件", "Files to remove"),
    "total_bytes": Text("容量", "Bytes in all"),
    "removed": Text("已移除", "Removed"),
    "left": Text("留存", "Left"),
    "others": Text("清单以外的文件", "Files not on the list"),
    "code": Text("结果或原因", "Outcome or cause"),
    "reason": Text("原因", "Reason"),
    "reasons": Text("不清空的理由", "Reasons not to clear"),
    "bad_ranges": Text("读不出的处数", "Unreadable places"),
    "bad_bytes": Text("读不出的字节", "Unreadable bytes"),
    "bad": Text("读不出的位置", "Where"),
    "partial": Text("可读部分存于", "What could be read is in"),
    "partial_bytes": Text("可读部分", "Could be read"),
    "partial_sha256": Text("可读部分 SHA-256", "SHA-256 of that"),
    "readings": Text("读数", "Readings"),
    "findings": Text("检查结果", "Findings"),
    "from_at": Text("从", "From"),
    "to_at": Text("到", "To"),
    "seen_in": Text("依据文件", "Seen in"),
    "answer": Text("原因", "Answer"),
    "words": Text("补充说明", "In words"),
    "device_at": Text("设备时间", "Device time"),
    "clock_offset_ms": Text("时钟偏差", "Clock offset"),
    "clock_uncertainty_ms": Text("不确定度", "Uncertainty"),
    "recorded_at": Text("拍摄时间", "Recorded"),
    "modified_at": Text("卡上修改时间", "Modified on the card"),
    "docked_at": Text("插入时间", "Docked"),
    "began_at": Text("开始时间", "Began"),
    "asked": Text("由人要求", "Asked for"),
    "media": Text("媒体", "Media"),
    "held": Text("库中已有", "Already held"),
    "sha256": Text("SHA-256", "SHA-256"),
    "found_sha256": Text("现在 SHA-256", "SHA-256 now"),
    "sm3": Text("SM3", "SM3"),
    "view": Text("浏览链接", "View"),
    "made": Text("重建为", "Made anew as"),
    "object": Text("库中位置", "Object"),
    "sha256s": Text("文件 SHA-256", "SHA-256 of the files"),
    "copy": Text("第二份副本编号", "Second copy"),
    "second_copy": Text("第二份副本有", "On the second copy"),
    "kept": Text("受损文件存于", "Damaged file kept in"),
    "list_sha256": Text("清单摘要 SHA-256", "SHA-256 of the list"),
    "manifest_sha256": Text("清单文件 SHA-256", "SHA-256 of the manifest"),
    "witnessed": Text("已见证至第几条", "Witnessed up to entry"),
    "what": Text("种类", "What it is"),
    "path": Text("位置", "Path"),
    "stops": Text("停止采集", "Stops the import"),
    "version": Text("程序版本", "Version"),
    "docks": Text("工位数", "Docks"),
    "profiles_refused": Text("未采用的型号档案", "Refused recorder profiles"),
    "outcome": Text("结果", "Outcome"),
    "visit": Text("入站编号", "Visit"),
}
