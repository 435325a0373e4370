"""Questions to the wearer about what was recorded, the answers, and the words for both.

A question states what the files show and asks why; it accuses nobody and refuses nothing
(docs/gaps.md). `contracts.facts` lists the facts with the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from contracts.fact import Fact
from contracts.text import Text

QuestionKind = Literal["hole", "counter", "overlap", "clock_jumped", "late", "future", "more"]
AnswerReason = Literal[
    "ended",
    "device_fault",
    "battery",
    "storage",
    "weather",
    "place_changed",
    "force_majeure",
    "secret",
    "clock_changed",
    "other",
]
# In the order in which they are offered, each with where the regulations name it.
REASONS: dict[AnswerReason, Text] = {
    "ended": Text("该次执法活动已结束", "the activity had ended"),  # S3-2 Art 13
    # S1 Art 12; S2 A6 Art 14; S3-2 Art 13
    "device_fault": Text("设备故障、损坏", "device fault or damage"),
    "battery": Text("电量不足", "battery empty"),
    "storage": Text("存储空间不足", "card full"),
    "weather": Text("天气情况恶劣", "bad weather"),
    "place_changed": Text("检查场所变化", "change of place"),  # S1 Art 12
    "force_majeure": Text("不可抗拒事由", "force majeure"),  # S0 Art 6
    # S0 Art 6; S3-3 Art 8
    "secret": Text("涉及国家秘密、商业秘密或个人隐私", "a secret, or someone's privacy"),
    "clock_changed": Text("记录仪时钟调整过", "the recorder's clock was changed"),
    "other": Text("其他", "other"),
}
# The regulations want somebody's consent, or a report in words.
NEEDS_WORDS: frozenset[AnswerReason] = frozenset({"force_majeure", "secret", "other"})


@dataclass(frozen=True)
class FootageQuestioned(Fact):
    """The wearer is asked about something in the recordings; `question` names it from now on.

    `from_at` to `to_at` is what it is about, by the station's clock. `seen_in` and `digests` are
    the recordings it is seen from, `first` to `last` the missing numbers of a `counter`, `count`
    how many numbers, recordings or (`more`) further questions there are. `person` had the recorder
    then, as far as is known.
    """

    TYPE = "footage.questioned"
    question: str
    visit: str
    recorder: str
    kind: QuestionKind
    department: str
    from_at: datetime
    to_at: datetime
    person: str | None = None
    person_name: str | None = None
    seen_in: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    first: int | None = None
    last: int | None = None
    count: int = 1


@dataclass(frozen=True)
class QuestionAnswered(Fact):
    """Somebody answered a question (S1 Art 12; S2 A6 Art 14; S3-2 Art 13)."""

    TYPE = "question.answered"
    question: str
    recorder: str
    answer: AnswerReason
    words: str
    by: str


def question_text(fact: FootageQuestioned, zone: tzinfo) -> Text:
    """Return a question as a sentence, with local times."""
    return _WORDS[fact.kind](fact, _span(fact, zone))


def answer_text(fact: QuestionAnswered) -> Text:
    """Return an answer as a sentence."""
    reason = REASONS[fact.answer]
    more = f": {fact.words}" if fact.words else ""
    return Text(f"{reason.zh}{more}", f"{reason.en}{more}")


def _span(fact: FootageQuestioned, zone: tzinfo) -> str:
    start, end = fact.from_at.astimezone(zone), fact.to_at.astimezone(zone)
    if start == end:
        return f"{start:%Y-%m-%d %H:%M:%S}"
    tail = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S}–{tail}"


def _hole(_fact: FootageQuestioned, span: str) -> Text:
    return Text(f"{span} 没有录像, 是什么原因?", f"{span} has no recording: why?")


def _counter(fact: FootageQuestioned, _span: str) -> Text:
    between = " / ".join(fact.seen_in)
    zh = f"{between} 之间缺少编号"
    if fact.first == fact.last:
        return Text(
            f"{zh} {fact.first}, 是什么原因?",
            f"Between {between}, number {fact.first} is missing: why?",
        )
    return Text(
        f"{zh} {fact.first}–{fact.last} 中的 {fact.count} 个, 是什么原因?",
        f"Between {between}, {fact.count} of {fact.first}–{fact.last} are missing: why?",
    )


def _overlap(fact: FootageQuestioned, span: str) -> Text:
    both = " / ".join(fact.seen_in)
    return Text(f"{both} 的时间重叠 ({span}), 是什么原因?", f"{both} overlap ({span}): why?")


def _jumped(fact: FootageQuestioned, span: str) -> Text:
    files = " / ".join(fact.seen_in)
    return Text(
        f"{files} 的时间前后不一致 ({span}), 记录仪时钟调整过吗?",
        f"The times of {files} do not fit ({span}): was the clock changed?",
    )


def _late(fact: FootageQuestioned, span: str) -> Text:
    return Text(
        f"{span} 的录像 ({fact.count} 个文件) 上次采集时没有采到, 是什么原因?",
        f"The recording of {span} ({fact.count} file(s)) did not come with the last import: why?",
    )


def _future(fact: FootageQuestioned, span: str) -> Text:
    return Text(
        f"录像 ({fact.count} 个文件) 的时间 {span} 晚于采集时间, 记录仪时钟调整过吗?",
        f"A recording ({fact.count} file(s)) is dated {span}, after its import: "
        "was the clock changed?",
    )


def _more(fact: FootageQuestioned, span: str) -> Text:
    return Text(
        f"{span} 另有 {fact.count} 处类似情况, 未逐条列出, 是什么原因?",
        f"{span}: {fact.count} more like these, not listed one by one: why?",
    )


_WORDS: dict[QuestionKind, Callable[[FootageQuestioned, str], Text]] = {
    "hole": _hole,
    "counter": _counter,
    "overlap": _overlap,
    "clock_jumped": _jumped,
    "late": _late,
    "future": _future,
    "more": _more,
}
