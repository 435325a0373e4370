"""One sentence for each type of entry, in both languages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.entry import Entry
from contracts.facts import FACTS, Fact, fact_of
from contracts.questions import (
    FootageQuestioned,
    QuestionAnswered,
    answer_text,
    question_text,
)
from contracts.text import Language, Text
from station.board import lamps_of
from station.copies import COPIES, HAS_COPY
from station.questioning import Asking
from station.showing import show_bytes, show_offset, show_second
from station.terms import UNKNOWN, term_of, terms_of, told_apart
from station.words import Words


@dataclass(frozen=True)
class Speaker:
    """Words entries for one station: it knows its people, its zone and what was asked, by name."""

    name_of: Callable[[str], str]
    zone: ZoneInfo
    questions: Mapping[str, Asking] = field(default_factory=dict)

    def title(self, entry: Entry) -> Text:
        """Return the name of an entry's type; a newer version's type names itself."""
        return title_of(entry.type)

    def sentence(self, entry: Entry) -> Text:
        """Return what an entry says; one that does not fit its type says so."""
        if entry.type not in WORDS:
            return Text(f"新版本的记录 {entry.type}", f"an entry of a newer version, {entry.type}")
        try:
            fact = fact_of(entry, FACTS[entry.type])
        except ValueError:
            return Text("记录内容与其类型不符", "what the entry holds does not fit its type")
        return Text(self._say(fact, "zh"), self._say(fact, "en"))

    def _say(self, fact: Fact, language: Language) -> str:
        words = WORDS[fact.TYPE]
        tails = tuple(text for name, text in words.tails if getattr(fact, name))
        parts = (words.sentence, *tails)
        if getattr(fact, "recorder", None) == INBOX:
            parts = tuple(map(_of_the_inbox, (_INBOX.get(fact.TYPE, words.sentence), *tails)))
        fields = {
            "fact": fact,
            "who": _Lookup(fact, lambda value: self._name(value).speak(language)),
            "term": _Lookup(fact, lambda value: _terms(value).speak(language)),
            "told": _Lookup(fact, lambda value: told_apart(str(value)).speak(language)),
            "count": _Lookup(fact, lambda value: _count(value).speak(language)),
            "short": _Lookup(fact, lambda value: str(value)[:_SHORT]),
            "number": _Lookup(
                fact, lambda value: str(len(value)) if isinstance(value, tuple) else ""
            ),
            "when": _Lookup(fact, self._moment),
            "size": _Lookup(fact, lambda value: show_bytes(float(str(value)))),
            "asked": _Lookup(fact, lambda _: self._question(fact).speak(language)),
            "about": _Lookup(fact, lambda value: self._about(str(value)).speak(language)),
            "answered": _Lookup(fact, lambda _: _answer(fact).speak(language)),
            "offset": _Lookup(fact, lambda value: _offset(value).speak(language)),
            "checked": _Lookup(fact, lambda value: _checked(value).speak(language)),
            "found": _Lookup(fact, lambda value: _found(value).speak(language)),
        }
        return "".join(part.speak(language).format_map(fields) for part in parts)

    def _name(self, person: object) -> Text:
        return NOBODY if person is None else Text(*[self.name_of(str(person))] * 2)

    def _question(self, fact: Fact) -> Text:
        return question_text(fact, self.zone) if isinstance(fact, FootageQuestioned) else UNKNOWN

    def _about(self, question: str) -> Text:
        if question not in self.questions:
            return Text("", "")
        said = question_text(self.questions[question].fact, self.zone)
        return Text(f" “{said.zh}” ", f", “{said.en}”")

    def _moment(self, value: object) -> str:
        return show_second(value, self.zone) if isinstance(value, datetime) else str(value)


@dataclass(frozen=True)
class _Lookup:
    """Lets a format string ask for an attribute of the fact, shown in one way."""

    fact: Fact
    show: Callable[[object], str]

    def __getitem__(self, name: str) -> str:
        return self.show(getattr(self.fact, name))


def title_of(entry_type: str) -> Text:
    """Return the name of an entry type."""
    words = WORDS.get(entry_type)
    return words.title if words else Text(entry_type, entry_type)


def _answer(fact: Fact) -> Text:
    return answer_text(fact) if isinstance(fact, QuestionAnswered) else UNKNOWN


def _terms(value: object) -> Text:
    return terms_of(value) if isinstance(value, tuple) else term_of(str(value))


def _offset(value: object) -> Text:
    return UNKNOWN if value is None else show_offset(int(str(value)))


def _checked(value: object) -> Text:
    lamps = lamps_of(value if isinstance(value, tuple) else (), ())
    return Text(
        ", ".join(f"{lamp.label.zh}{_spaced(lamp.value.zh)}" for lamp in lamps),
        ", ".join(f"{lamp.label.en.lower()} {lamp.value.en}" for lamp in lamps),
    )


def _spaced(said: str) -> str:
    return f" {said}" if said[:1].isascii() else said


def _found(value: object) -> Text:
    said = [one.sentence for one in value] if isinstance(value, tuple) else []
    return Text("; ".join(one.zh for one in said), "; ".join(one.en for one in said))


def _of_the_inbox(words: Text) -> Text:
    """Return a sentence about a recorder as one about the inbox, which is none."""
    zh = words.zh.replace("记录仪 {fact.recorder}", "收件箱")
    en = words.en.replace("Recorder {fact.recorder}", "The inbox")
    return Text(zh, en.replace("recorder {fact.recorder}", "the inbox"))


def _count(value: object) -> Text:
    return UNKNOWN if value is None else Text(*[str(value)] * 2)


NOBODY = Text("无", "nobody")
_SHORT = 12
INBOX = "inbox"  # under this name the inbox's visits are entered
_INBOX = {
    "recorder.docked": Text("收件箱有文件, 开始采集", "There are files in the inbox"),
    "visit.interrupted": Text(
        "收件箱采集中断: {told[reason]}; 共 {fact.counts.listed} 个文件, 已采集 "
        "{fact.counts.imported}",
        "The import of the inbox was interrupted: {told[reason]}; {fact.counts.imported} of "
        "{fact.counts.listed} files are imported",
    ),
}

WORDS: dict[str, Words] = {
    "ledger.opened": Words(
        Text("台账启用", "Ledger opened"),
        Text(
            "启用台账 {fact.origin}, 程序版本 {fact.version}",
            "Ledger {fact.origin} was opened by version {fact.version}",
        ),
    ),
    "agent.started": Words(
        Text("采集服务启动", "Agent started"),
        Text(
            "采集服务启动, 版本 {fact.version}, 工位 {fact.docks} 个",
            "The agent started, version {fact.version}, {fact.docks} dock(s)",
        ),
        (
            (
                "profiles_refused",
                Text("; 有型号档案写错, 未采用", "; malformed recorder profiles were refused"),
            ),
        ),
    ),
    "agent.stopped": Words(
        Text("采集服务停止", "Agent stopped"),
        Text("采集服务正常停止", "The agent stopped in good order"),
    ),
    "witness.met": Words(
        Text("见证公钥", "Witness met"),
        Text("登记中心索引的见证公钥 {fact.key}", "The index's witness key is {fact.key}"),
    ),
    "device.refused": Words(
        Text("拒绝设备", "Device refused"),
        Text(
            "端口 {fact.port} 的设备 {fact.device} 未打开: {term[code]}",
            "The device {fact.device} at port {fact.port} was not opened: {term[code]}",
        ),
        (("dock", Text(", {fact.dock} 号工位", ", dock {fact.dock}")),),
    ),
    "recorder.docked": Words(
        Text("插入工位", "Docked"),
        Text(
            "记录仪 {fact.recorder} 插入 {fact.dock} 号工位",
            "Recorder {fact.recorder} was plugged into dock {fact.dock}",
        ),
        (("profile", Text(", 型号档案 {fact.profile}", ", by the profile {fact.profile}")),),
    ),
    "recorder.switched": Words(
        Text("切换为U盘", "Switched"),
        Text(
            "记录仪 {fact.recorder} 在 {fact.dock} 号工位切换为U盘",
            "Recorder {fact.recorder} turned into a disk in dock {fact.dock}",
        ),
        (("profile", Text(", 型号档案 {fact.profile}", ", by the profile {fact.profile}")),),
    ),
    "recorder.checked": Words(
        Text("检查", "Checked"),
        Text(
            "检查记录仪 {fact.recorder}: {checked[readings]}",
            "Recorder {fact.recorder} was checked: {checked[readings]}",
        ),
        (("findings", Text("; 需注意: {found[findings]}", "; mind: {found[findings]}")),),
    ),
    "reading.observed": Words(
        Text("登记读数", "Reading observed"),
        Text(
            "{who[observer]} 登记了记录仪 {fact.recorder} 的屏幕读数",
            "{who[observer]} entered what the screen of recorder {fact.recorder} shows",
        ),
    ),
    "clock.set": Words(
        Text("校时", "Clock set"),
        Text(
            "记录仪 {fact.recorder} 已校时, 校时前{offset[offset_ms_before]}",
            "The clock of recorder {fact.recorder} was set; it was {offset[offset_ms_before]}",
        ),
    ),
    "footage.imported": Words(
        Text("采集文件", "Imported"),
        Text(
            "采集记录仪 {fact.recorder} 的文件 {fact.name}, {size[size]}, 已校验",
            "File {fact.name} of recorder {fact.recorder}, {size[size]}, was imported and verified",
        ),
        (
            ("important", Text(", 重点", ", marked important")),
            ("part", Text(", 同一录像第 {fact.part} 段", ", part {fact.part} of a recording")),
            ("sidecar_of", Text(", 随 {fact.sidecar_of}", ", with {fact.sidecar_of}")),
            ("held", Text(" (库中已有相同内容)", " (its bytes were already held)")),
        ),
    ),
    "footage.unreadable": Words(
        Text("文件读不出", "Unreadable"),
        Text(
            "记录仪 {fact.recorder} 的文件 {fact.name} 未能采集: {term[code]}",
            "File {fact.name} of recorder {fact.recorder} was not imported: {term[code]}",
        ),
        (
            (
                "bad_ranges",
                Text(
                    ", {fact.bad_ranges} 处共 {size[bad_bytes]}",
                    ", {fact.bad_ranges} place(s), {size[bad_bytes]}",
                ),
            ),
            (
                "partial",
                Text(
                    "; 可读的 {size[partial_bytes]} 已另存",
                    "; the {size[partial_bytes]} that could be read are kept apart",
                ),
            ),
            ("visit", Text("; 下次入站再试", "; it is tried again at the next visit")),
        ),
    ),
    "footage.refused": Words(
        Text("项目拒收", "Item refused"),
        Text(
            "记录仪 {fact.recorder} 的 {fact.name} 不是普通文件, 已拒收: {term[reason]}",
            "{fact.name} of recorder {fact.recorder} is no regular file and was refused: "
            "{term[reason]}",
        ),
    ),
    "visit.completed": Words(
        Text("入站完成", "Visit completed"),
        Text(
            "记录仪 {fact.recorder} 采集完成: 共 {fact.counts.listed} 个文件, 新采集 "
            "{fact.counts.imported}, 已有 {fact.counts.held}, 读不出 {fact.counts.unreadable}, "
            "拒收 {fact.counts.refused}",
            "The import of recorder {fact.recorder} is complete: {fact.counts.listed} listed, "
            "{fact.counts.imported} imported, {fact.counts.held} already held, "
            "{fact.counts.unreadable} unreadable, {fact.counts.refused} refused",
        ),
    ),
    "visit.interrupted": Words(
        Text("入站中断", "Visit interrupted"),
        Text(
            "记录仪 {fact.recorder} 采集中断: {told[reason]}; 共 {fact.counts.listed} 个文件, "
            "已采集 {fact.counts.imported}; 重新插入后继续",
            "The import of recorder {fact.recorder} was interrupted: {told[reason]}; "
            "{fact.counts.imported} of {fact.counts.listed} files are imported, the rest follows "
            "when it is docked again",
        ),
    ),
    "clearing.refused": Words(
        Text("未清空", "Not cleared"),
        Text(
            "记录仪 {fact.recorder} 的存储卡未清空: {term[reasons]}",
            "The card of recorder {fact.recorder} is not cleared: {term[reasons]}",
        ),
    ),
    "recorder.clearing": Words(
        Text("清空登记", "Clearing entered"),
        Text(
            "将从记录仪 {fact.recorder} 的存储卡移除 {fact.files} 个已入库的文件, "
            "{size[total_bytes]}",
            "{fact.files} imported file(s), {size[total_bytes]}, are about to be removed from the "
            "card of recorder {fact.recorder}",
        ),
    ),
    "recorder.cleared": Words(
        Text("清空结果", "Clearing ended"),
        Text(
            "记录仪 {fact.recorder} 的存储卡: {term[code]}; 应移除 {fact.files} 个文件, "
            "已移除 {count[removed]}, 留存 {count[left]}",
            "The card of recorder {fact.recorder}: {term[code]}; {fact.files} file(s) to remove, "
            "{count[removed]} removed, {count[left]} left",
        ),
    ),
    "archive.commissioned": Words(
        Text("登记存储磁盘", "Archive commissioned"),
        Text(
            "登记 {fact.path} 为存储磁盘, {size[total_bytes]}",
            "The disk at {fact.path}, {size[total_bytes]}, became the archive",
        ),
        (
            ("by", Text(", {who[by]} 登记", ", by order of {who[by]}")),
            ("replaces", Text(", 替换原磁盘", ", in place of another")),
            ("reason", Text(": {fact.reason}", ": {fact.reason}")),
        ),
    ),
    "storage.faulted": Words(Text("存储故障", "Storage fault"), Text("{fact.zh}", "{fact.en}")),
    "storage.recovered": Words(
        Text("存储恢复", "Storage recovered"),
        Text("存储故障已解除: {term[code]}", "The storage fault is over: {term[code]}"),
    ),
    "footage.damaged": Words(
        Text("库中文件受损", "Footage damaged"),
        Text(
            "库中文件 {fact.view} (记录仪 {fact.recorder}) 与采集时不符, 原样保留",
            "The archived file {fact.view} of recorder {fact.recorder} is not what was imported; "
            "it is left as it is",
        ),
        (
            ("reason", Text(": {told[reason]}", ": {told[reason]}")),
            ("second_copy", HAS_COPY),
        ),
    ),
    "footage.missing": Words(
        Text("库中文件缺失", "Footage missing"),
        Text(
            "库中没有文件 {fact.view} (记录仪 {fact.recorder})",
            "The archived file {fact.view} of recorder {fact.recorder} is not there",
        ),
        (("second_copy", HAS_COPY),),
    ),
    "footage.intact": Words(
        Text("库中文件完好", "Footage intact"),
        Text(
            "记录仪 {fact.recorder} 曾受损或缺失的库中文件 {short[sha256]}… 现在完好",
            "The archived file {short[sha256]}… of recorder {fact.recorder}, once damaged or "
            "missing, is whole",
        ),
    ),
    "footage.replaced": Words(
        Text("库中文件替换", "Footage replaced"),
        Text(
            "受损的库中文件 {short[sha256]}… 已由记录仪 {fact.recorder} 上的完好副本替换, "
            "受损的另存于 {fact.kept}",
            "The damaged file {short[sha256]}… was replaced by the copy that recorder "
            "{fact.recorder} still had; the damaged one is kept as {fact.kept}",
        ),
    ),
    "archive.unexpected": Words(
        Text("意外文件", "Unexpected file"),
        Text(
            "库中有台账未记载的内容: {fact.name}, 未作改动",
            "The archive holds what no entry put there: {fact.name}; it was not touched",
        ),
    ),
    "archive.settled": Words(
        Text("意外文件已消除", "Unexpected file gone"),
        Text(
            "曾经意外的 {fact.name} 已不在, 或已有台账记录",
            "{fact.name}, once unexpected, is gone or is on record by now",
        ),
    ),
    "view.remade": Words(
        Text("重建浏览链接", "View made anew"),
        Text(
            "浏览链接 {fact.view} {term[why]}, 已重建为 {fact.made}",
            "The view {fact.view} {term[why]} and was made anew as {fact.made}",
        ),
    ),
    "archive.scrubbed": Words(
        Text("全库校验", "Archive scrubbed"),
        Text(
            "全库校验完成: 应有 {fact.counts.expected} 个文件 = 完好 {fact.counts.intact} + 受损 "
            "{fact.counts.damaged} + 缺失 {fact.counts.missing}; 意外 {fact.counts.unexpected}",
            "The whole archive was read: {fact.counts.expected} expected = "
            "{fact.counts.intact} intact + {fact.counts.damaged} damaged + "
            "{fact.counts.missing} missing; {fact.counts.unexpected} unexpected",
        ),
    ),
    **COPIES,
    "recorder.issued": Words(
        Text("领用", "Issued"),
        Text(
            "{fact.person_name} 领用记录仪 {fact.recorder}",
            "Recorder {fact.recorder} was issued to {fact.person_name}",
        ),
        (
            (
                "approver_name",
                Text(", {fact.approver_name} 批准", ", approved by {fact.approver_name}"),
            ),
            (
                "override",
                Text(
                    "; 检查未通过, 理由: {fact.override.reason}",
                    "; checks were overridden: {fact.override.reason}",
                ),
            ),
        ),
    ),
    "recorder.returned": Words(
        Text("交回", "Returned"),
        Text(
            "{who[person]} 交回记录仪 {fact.recorder}",
            "{who[person]} returned recorder {fact.recorder}",
        ),
        (
            ("visit", Text(" (插入工位)", " (docked)")),
            ("by", Text(" ({who[by]} 手工登记)", " (entered by {who[by]})")),
        ),
    ),
    "duty.declared": Words(
        Text("填写说明", "Declared"),
        Text(
            "{who[by]} 说明记录仪 {fact.recorder} {fact.day} 的情况: {term[kind]}; {fact.reason}",
            "{who[by]} declared for recorder {fact.recorder} on {fact.day}: {term[kind]}; "
            "{fact.reason}",
        ),
        (("until", Text(", 延至 {when[until]}", ", extended to {when[until]}")),),
    ),
    "recorder.service": Words(
        Text("设备状态", "Service"),
        Text(
            "{who[by]} 登记记录仪 {fact.recorder}: {term[state]}; {fact.reason}",
            "{who[by]} entered recorder {fact.recorder}: {term[state]}; {fact.reason}",
        ),
    ),
    "footage.questioned": Words(
        Text("询问", "Question"),
        Text("记录仪 {fact.recorder}: {asked[kind]}", "Recorder {fact.recorder}: {asked[kind]}"),
        (("person_name", Text(" (使用人 {fact.person_name})", " (worn by {fact.person_name})")),),
    ),
    "question.answered": Words(
        Text("说明原因", "Answer"),
        Text(
            "{who[by]} 对记录仪 {fact.recorder} 的问题{about[question]}说明: {answered[answer]}",
            "{who[by]} answered for recorder {fact.recorder}{about[question]}: {answered[answer]}",
        ),
    ),
    "keeper.noted": Words(
        Text("责任人", "Keeper"),
        Text(
            "记录仪 {fact.recorder} 的每日采集责任人自 {fact.from_day} 起为: {who[person_name]}",
            "From {fact.from_day} on, recorder {fact.recorder} is to be imported daily by: "
            "{who[person_name]}",
        ),
    ),
    "station.enrolled": Words(
        Text("登记采集站", "Station enrolled"),
        Text("登记采集站 {fact.station} 的公钥", "The key of station {fact.station} was enrolled"),
    ),
    "station.forked": Words(
        Text("台账分叉", "Ledger forked"),
        Text(
            "采集站 {fact.station} 出示了两种历史: {fact.why}",
            "Station {fact.station} showed two histories: {fact.why}",
        ),
    ),
    "alert.opened": Words(Text("告警", "Alert"), Text("告警: {fact.zh}", "Alert: {fact.en}")),
    "alert.cleared": Words(
        Text("告警解除", "Alert cleared"),
        Text(
            "{fact.about} 的告警解除: {term[outcome]}",
            "The alert about {fact.about} was cleared: {term[outcome]}",
        ),
    ),
}
