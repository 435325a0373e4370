"""Writes docs/recorders/known.md: every shipped profile, what it does and how it is told."""

from collections.abc import Iterator

from agent.catalogue import told_by
from agent.core.profile import Profile
from agent.main import known_recorders as loaded

_HEAD = """\
<!-- 由 docs/known_recorders.py 生成, 请勿手改 / made by docs/known_recorders.py; do not edit -->

# Known recorders · 已知型号

依次匹配, 先符合者先用. **没有一项在真机上确认过**, 除非注明. 写法见 [profiles.md](profiles.md).

They are tried in this order. **Nothing was seen on hardware** unless it says so. How to write
one: [profiles.md](profiles.md). `muster-agent recorders` shows them beside what is plugged in."""
_WORDS = {
    "probe": "探询 / probe",
    "identity": "身份 / identity",
    "battery": "电量 / battery",
    "clock_read": "读钟 / clock read",
    "clock_set": "校时 / clock set",
    "storage": "存储 / storage",
    "switch": "切换 U 盘 / switch to disk",
    "layout": "目录 / layout",
    "marks": "重点标记 / marks",
    "sidecars": "附属文件 / sidecars",
    "clear": "清空 / clear",
}


def known_recorders() -> str:
    """Return the page."""
    profiles = loaded(None).profiles
    parts = [_HEAD]
    for number, profile in enumerate(profiles, 1):
        parts += _section(number, profile)
    return "\n".join(parts) + "\n"


def _section(number: int, profile: Profile) -> Iterator[str]:
    yield f"\n## {number}. {profile.name}\n"
    yield f"{profile.title}\n"
    yield f"- 识别 / told by: {told_by(profile.match)}"
    if profile.language:
        spoken = profile.language
        yield f"- 语言 / speaks: `{spoken.family}`, transport `{spoken.transport}`"
    yield f"- 可以清空 / may be cleared: {'是 / yes' if profile.clearing else '否 / no'}"
    yield from (f"- **{warning}**" for warning in profile.warnings)
    yield f"- 来源 / from: {'; '.join(profile.sources)}"
    if profile.facts:
        yield "\n| | 怎样 / how | 真机 / hardware |"
        yield "|---|---|---|"
    for fact, known in profile.facts.items():
        sure = "已确认 / seen" if known.confirmed else "未确认 / not seen"
        hint = " (只能估计 / an estimate)" if known.estimated else ""
        yield f"| {_WORDS[fact]} | {known.how}{hint} | {sure} |"
