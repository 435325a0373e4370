"""Writes the pages of docs/ that are lists of what the code holds; run `python -m docs.generate`.

Tests compare the files with what is returned here. The docks' table is left to `docs.dock_states`.
"""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from inspect import cleandoc
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from agent import cli as agent_cli
from agent.core.profile import Profile
from agent.core.recorder import MediaFacts, RefusedItem
from contracts.clearing import ClearingPhase, Reason
from contracts.errors import (
    InternalError,
    LedgerError,
    MusterError,
    RecorderError,
    StationError,
    UplinkError,
)
from contracts.errors.roots import all_errors
from contracts.facts import FACTS, Fact
from contracts.finding import FINDINGS
from contracts.problem import PROBLEMS
from contracts.roster import Roster
from contracts.settings import IndexSettings, StationSettings
from contracts.text import Text
from docs.dock_states import dock_states
from docs.known_recorders import known_recorders
from index.core.calendar import CalendarTable
from index.core.receiving import Fault

HERE = Path(__file__).parent
NOTICE = "<!-- 由 docs/generate.py 生成, 请勿手改 / made by docs/generate.py; do not edit -->\n"
_ROOTS: tuple[tuple[type[MusterError], Text], ...] = (
    (RecorderError, Text("记录仪、存储卡、连接线", "recorder, card, cable")),
    (StationError, Text("采集站主机、磁盘、设置、操作人", "station, disk, settings, people")),
    (UplinkError, Text("消息服务器、网络、中心", "broker, network, index")),
    (LedgerError, Text("台账", "ledger")),
    (InternalError, Text("本软件", "ourselves")),
)
_FROM_INDEX = ("keeper.", "station.", "alert.")
_FROM_BOTH = ("ledger.opened",)
_PLAIN: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    bytes: "bytes, base64 (URL-safe)",
    datetime: "moment, RFC 3339",
    date: "day, `2026-09-21`",
    PurePath: "path",
    object: "anything",
}
_REGULATIONS = """
条款缩写 / where a rule comes from:

| | |
|---|---|
| S0 | 临沭县行政审批服务局执法全过程记录相关制度, 沭审服发〔2019〕7 号 |
| S1 | 柳河县行政执法音像记录设备配备和管理使用办法, 柳政办发〔2022〕14 号 |
| S2 A6 | 衡阳市民政局三项制度实施方案附件 6, 执法记录仪使用管理办法, 2020 |
| S3-1 | 名山区劳动保障监察行政执法全过程记录工作实施细则(试行) |
| S3-3 | 另一部门的行政执法全过程记录制度 / another agency's rules on full recording |
"""


def codes() -> str:
    """Return docs/codes.md: every code people may meet, with its words and what to do."""
    tables = (_error_tables(), _finding_table(), _reason_table(), _other_codes())
    return "\n".join([*_code_head(), *(line for table in tables for line in table)])


def entries() -> str:
    """Return docs/entries.md: every type of ledger entry with its fields."""
    parts = [
        NOTICE,
        "# Entry types · 台账记录类型\n",
        (
            "信封各字段见 [ledger-format.md](ledger-format.md); 本页是 `data` 中的内容. "
            "没有值的字段为 `null`.\n"
        ),
        (
            "The envelope is in [ledger-format.md](ledger-format.md); this page is what `data` "
            "holds. A field without a value is `null`. A reader ignores fields it does not know.\n"
        ),
        "| type | 由谁登记 / entered by | |",
        "|---|---|---|",
        *(
            f"| [`{name}`](#{_anchor(name)}) | {_entered_by(name)} | {_first_line(kind)} |"
            for name, kind in FACTS.items()
        ),
    ]
    nested: dict[str, type] = {}
    for name, kind in FACTS.items():
        parts += [f"\n## {name}\n", _doc(kind), "", _subject(kind), "", *_fields(kind, nested)]
    parts.append("\n# Values · 复合值")
    done: set[str] = set()
    while waiting := [kind for name, kind in sorted(nested.items()) if name not in done]:
        for kind in waiting:
            done.add(kind.__name__)
            parts += [f"\n## {kind.__name__}\n", _doc(kind), "", *_fields(kind, nested)]
    return "\n".join(parts) + "\n"


def settings() -> str:
    """Return docs/settings.md: every key of every settings file."""
    files: tuple[tuple[str, type, str], ...] = (
        ("station.toml", StationSettings, "采集站 / the station: agent and pages"),
        ("index.toml", IndexSettings, "中心索引 / the index"),
        ("roster.toml", Roster, "名册 / the roster, read by all three programs"),
        ("calendar.toml", CalendarTable, "节假日表 / the agency's own holidays"),
        (
            "recorders/*.toml",
            Profile,
            "记录仪型号 / a recorder model: [recorders/profiles.md](recorders/profiles.md)",
        ),
    )
    parts = [
        NOTICE,
        "# Settings · 设置\n",
        "写错的键、缺少的键和重复的编号在启动时一次全部列出, 程序不启动. 示例在 `config/`.\n",
        (
            "Every unknown, missing or doubled key is listed at once at the start, and the program "
            "does not start. Samples are in `config/`. A change counts after a restart.\n"
        ),
        _REGULATIONS,
    ]
    for name, kind, words in files:
        parts += [f"\n# {name}\n", f"{words}\n"]
        parts += list(_tables(kind, ""))
    return "\n".join(parts) + "\n"


def keys_of(kind: type, prefix: str = "") -> set[str]:
    """Return every key of a settings file, `table.key`, as docs/settings.md names them."""
    found: set[str] = set()
    for field, hint in _hints(kind):
        found.add(f"{prefix}{field.name}")
        inner = _dataclass_in(hint)
        if inner is not None:
            found |= keys_of(inner, f"{prefix}{field.name}.")
    return found


DOCUMENTS: dict[str, Callable[[], str]] = {
    "codes.md": codes,
    "entries.md": entries,
    "dock-states.md": dock_states,
    "settings.md": settings,
    "recorders/known.md": known_recorders,
}


def main() -> None:
    """Write every page."""
    for name, make in DOCUMENTS.items():
        (HERE / name).write_text(make(), encoding="utf-8")
        print(f"docs/{name}")


def _code_head() -> list[str]:
    return [
        NOTICE,
        "# Codes · 代码表\n",
        "代码不变, 文字可以改进. `{…}` 处填入当时的内容.\n",
        (
            "A code never changes and is never used again; its words may get better. `{…}` is "
            "filled in.\n"
        ),
        "## Exit codes · 退出码\n",
        "| | 中文 | English |",
        "|---|---|---|",
        "| 0 | 正常, 没有发现问题 | good, nothing found |",
        f"| {agent_cli.FOUND} | 发现问题, 或请求被拒绝 | found something, or a refusal |",
        (
            f"| {agent_cli.WRONG_USE} | 用法或设置有误, 或站点条件不满足 "
            "| wrong use or settings, or the station's condition forbids it |"
        ),
        f"| {agent_cli.FAULT} | 台账或本软件的错误 | the ledger's or our own fault |",
    ]


def _error_tables() -> Iterator[str]:
    yield "\n# Errors · 错误\n"
    yield "按责任分为五类. / Five roots, by whose fault it is."
    for root, words in _ROOTS:
        yield f"\n## {root.__name__}: {words}\n"
        yield "| code | 发生了什么 / what | 怎么办 / what to do |"
        yield "|---|---|---|"
        for error in sorted(all_errors(root), key=lambda one: one.code):
            yield f"| `{error.code}` | {_both(error.sentence)} | {_both(error.remedy)} |"


def _finding_table() -> Iterator[str]:
    yield "\n# Findings · 检查结果\n"
    yield "`blocking` 的检查结果禁止领用, 除非说明理由放行; `warning` 和 `note` 不禁止.\n"
    yield "A `blocking` finding bars issue until it is overridden with a reason; the others do not."
    yield "\n| code | 发现 / found | 怎么办 / what to do |"
    yield "|---|---|---|"
    for code, (sentence, remedy) in FINDINGS.items():
        yield f"| `{code}` | {_both(sentence)} | {_both(remedy)} |"


def _reason_table() -> Iterator[str]:
    yield "\n# Reasons · 不清空的理由\n"
    yield "有任何一条, 存储卡就不清空 ([clearing.md](clearing.md)); `…` 的会随等待消失.\n"
    yield "Any one of them bars a card from being cleared; those marked `…` may end by waiting."
    yield "\n| code | | 理由 / why | 怎么办 / what to do |"
    yield "|---|---|---|---|"
    for reason in Reason:
        mark = "…" if reason.passes else ""
        yield f"| `{reason}` | {mark} | {_both(reason.sentence)} | {_both(reason.remedy)} |"
    yield "\n| code | 清空到哪一步 / how far a clearing is |"
    yield "|---|---|"
    for phase in ClearingPhase:
        yield f"| `{phase.code}` | {_both(phase.word)} |"


def _other_codes() -> Iterator[str]:
    yield "\n# Problems · 核验发现的问题\n"
    yield "`muster-agent verify`, `muster-agent check-proof`, `muster-index verify`.\n"
    yield "| code | 中文 | English |"
    yield "|---|---|---|"
    for code, words in PROBLEMS.items():
        yield f"| `{code}` | {_cell(words.zh)} | {_cell(words.en)} |"
    yield "\n# Other words in entries and logs · 其他代码\n"
    yield "| 用于 / where | 代码 / codes |"
    yield "|---|---|"
    yield f"| `footage.refused`: `reason` | {_words(get_type_hints(RefusedItem)['reason'])} |"
    yield "| `visit.interrupted`: `code` | 错误代码, 或 / an error's code, or `agent_restarted` |"
    yield f"| `media.verdict` | {_words(get_type_hints(MediaFacts)['verdict'])} |"
    yield f"| 中心拒收消息的原因 (日志) / why the index refuses a message (log) | {_words(Fault)} |"
    yield ""


def _tables(kind: type, prefix: str) -> Iterator[str]:
    title = f"[{prefix.rstrip('.')}]" if prefix else "顶层 / top level"
    yield f"\n## {title}\n"
    yield _doc(kind)
    yield ""
    yield "| key | type | 默认 / default |"
    yield "|---|---|---|"
    below: list[tuple[str, type]] = []
    for field, hint in _hints(kind):
        inner = _dataclass_in(hint)
        if inner is not None:
            each = "*." if get_origin(hint) is dict else ""
            below.append((f"{prefix}{field.name}.{each}", inner))
        yield f"| `{prefix}{field.name}` | {_toml_type(hint)} | {_default(field)} |"
    for name, inner in below:
        yield from _tables(inner, name)


def _fields(kind: type, nested: dict[str, type]) -> Iterator[str]:
    hints = [(field, hint) for field, hint in _hints(kind) if field.name != "TYPE"]
    yield "| field | type |"
    yield "|---|---|"
    for field, hint in hints:
        inner = _dataclass_in(hint)
        if inner is not None:
            nested[inner.__name__] = inner
        yield f"| `{field.name}` | {_type(hint)} |"


def _hints(kind: type) -> list[tuple[Field[Any], Any]]:
    hints = get_type_hints(kind)
    return [(field, hints[field.name]) for field in fields(kind)]


def _dataclass_in(hint: Any) -> type | None:  # noqa: ANN401  # any type hint
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    return next((found for part in get_args(hint) if (found := _dataclass_in(part))), None)


def _type(hint: Any) -> str:  # noqa: ANN401  # any type hint
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _words(hint)
    if origin in (Union, UnionType):
        return " or ".join("null" if part is NoneType else _type(part) for part in parts)
    if origin is tuple:
        return f"list of {_type(parts[0])}"
    if origin is dict:
        return f"table: {_type(parts[0])} → {_type(parts[1])}"
    if isinstance(hint, type) and is_dataclass(hint):
        return f"[{hint.__name__}](#{_anchor(hint.__name__)})"
    return _PLAIN[hint]


def _toml_type(hint: Any) -> str:  # noqa: ANN401  # any type hint
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return next(_toml_type(part) for part in parts if part is not NoneType)
    if origin is tuple and _dataclass_in(hint):
        return "tables `[[…]]`"
    if origin is dict and _dataclass_in(hint):
        return f"tables `[….*]`, {_type(parts[0])}"
    return "table `[…]`" if is_dataclass(hint) else _type(hint)


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        made = field.default_factory()
        return "见下 / below" if is_dataclass(made) else f"`{_toml_value(made)}`"
    if field.default is MISSING:
        return "**必填 / required**"
    return "无 / none" if field.default is None else f"`{_toml_value(field.default)}`"


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if is_dataclass(value) and not isinstance(value, type):
        given = (one for one in fields(value) if getattr(value, one.name) != one.default)
        said = (f"{one.name} = {_toml_value(getattr(value, one.name))}" for one in given)
        return f"{{ {', '.join(said)} }}"
    if isinstance(value, tuple) and value:
        return f"[{', '.join(map(_toml_value, value))}]"
    return {"()": "[]"}.get(str(value), str(value))


def _subject(kind: type[Fact]) -> str:
    own = vars(kind).get("subject")
    if own is not None:
        return f"`subject`: {_sentence_of(own.__doc__)}"
    has_recorder = any(field.name == "recorder" for field in fields(kind))
    return "`subject`: the recorder's number." if has_recorder else '`subject`: `"station"`.'


def _entered_by(name: str) -> str:
    if name in _FROM_BOTH:
        return "采集站, 中心 / both"
    return "中心 / index" if name.startswith(_FROM_INDEX) else "采集站 / station"


def _doc(kind: type) -> str:
    return cleandoc(kind.__doc__ or "")


def _first_line(kind: type) -> str:
    return _cell(_doc(kind).partition("\n")[0])


def _sentence_of(doc: str | None) -> str:
    text = (doc or "").strip()
    return text[:1].lower() + text[1:]


def _words(hint: object) -> str:
    return ", ".join(f"`{word}`" for word in get_args(hint))


def _both(text: Text) -> str:
    return f"{_cell(text.zh)}<br>{_cell(text.en)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _anchor(heading: str) -> str:
    return heading.lower().replace(".", "")


if __name__ == "__main__":
    main()
