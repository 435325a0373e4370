"""Why a card may not be cleared, and how far a clearing is, with the words shown for both."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.text import Text


class Reason(StrEnum):
    """One thing that bars a card from being cleared; a code never changes its meaning."""

    NOT_ALLOWED = "clear_not_allowed"
    IMPOSSIBLE = "clear_impossible"
    LISTING_INCOMPLETE = "clear_listing_incomplete"
    LISTINGS_DIFFER = "clear_listings_differ"
    COUNTS_DIFFER = "clear_counts_differ"
    FILES_UNPROVEN = "clear_files_unproven"
    NOT_READ_AGAIN = "clear_not_read_again"
    CARD_DIFFERS = "clear_card_differs"
    ARCHIVE_LACKS = "clear_archive_lacks"
    ARCHIVE_UNHEALTHY = "clear_archive_unhealthy"
    NO_SECOND_COPY = "clear_no_second_copy"
    SECOND_COPY_AWAY = "clear_second_copy_away"
    NOT_COPIED = "clear_not_copied"
    NOT_WITNESSED = "clear_not_witnessed"
    WITNESS_NOT_PINNED = "clear_witness_not_pinned"
    IDENTITY_UNPROVEN = "clear_identity_unproven"
    IDENTITY_CHANGED = "clear_identity_changed"
    RECORDER_TWICE = "clear_recorder_twice"
    CLOCK_UNSURE = "clear_clock_unsure"
    BATTERY_LOW = "clear_battery_low"
    BATTERY_UNKNOWN = "clear_battery_unknown"
    HANDED_OUT = "clear_handed_out"
    DOCK_TROUBLE = "clear_dock_trouble"

    @property
    def sentence(self) -> Text:
        """What bars it, in both languages."""
        return _REASONS[self][0]

    @property
    def remedy(self) -> Text:
        """What to do next, in both languages."""
        return _REASONS[self][1]

    @property
    def passes(self) -> bool:
        """Whether it may end by waiting; every other one ends the clearing of this visit."""
        return self in _PASSING


class ClearingPhase(StrEnum):
    """How far the clearing of one visit is."""

    WAITING = "waiting"
    READING = "reading"
    INTENDED = "intended"
    LOOKING = "looking"
    REMOVING = "removing"
    CLEARED = "cleared"
    KEPT = "kept"

    @property
    def code(self) -> str:
        """What it is called where codes are shown."""
        return f"clear_{self}"

    @property
    def word(self) -> Text:
        """What is shown of it."""
        return _PHASES[self]


@dataclass(frozen=True)
class ClearingView:
    """What is shown of a clearing; `code` says why it failed once it had been entered."""

    phase: ClearingPhase
    since: datetime
    reasons: tuple[Reason, ...] = ()
    files: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    code: str | None = None


_PASSING = frozenset(
    {
        Reason.NOT_READ_AGAIN,
        Reason.ARCHIVE_UNHEALTHY,
        Reason.SECOND_COPY_AWAY,
        Reason.NOT_COPIED,
        Reason.NOT_WITNESSED,
        Reason.CLOCK_UNSURE,
        Reason.BATTERY_LOW,
        Reason.BATTERY_UNKNOWN,
    }
)
_CHECK_BY_HAND = Text("由管理员核对后手工处理", "The device manager looks into it")
_AGAIN = Text("重新插入再试", "Dock it again")
_NONE = Text("无需处理", "Nothing to do")
_REASONS: dict[Reason, tuple[Text, Text]] = {
    Reason.NOT_ALLOWED: (
        Text("规定不允许清空此型号", "Policy does not allow clearing this model"),
        Text("无需处理; 如需清空, 在名册中登记该型号", "Nothing to do; the roster may allow it"),
    ),
    Reason.IMPOSSIBLE: (
        Text("此类记录仪不能由本站清空", "This family of recorders cannot be cleared from here"),
        Text("按规定在记录仪上清空", "Clear it on the recorder as the rules say"),
    ),
    Reason.LISTING_INCOMPLETE: (
        Text("文件目录读取不完整", "The card's folders could not be listed completely"),
        Text("重新插入再试, 仍不完整则送检", "Dock it again; if it stays so, have it examined"),
    ),
    Reason.LISTINGS_DIFFER: (
        Text("两次列出的文件不一致", "Two listings of the card differ"),
        Text("停止录像后重新插入", "Stop recording, then dock it again"),
    ),
    Reason.COUNTS_DIFFER: (
        Text("文件数目对不上", "The count of files does not add up"),
        _AGAIN,
    ),
    Reason.FILES_UNPROVEN: (
        Text("有文件没有完整采集", "Not every file is proven in the archive"),
        Text("重新插入再试, 仍读不出则送检", "Dock it again; if it stays so, have it examined"),
    ),
    Reason.NOT_READ_AGAIN: (
        Text("尚未再次读卡核对", "The card has not been read a second time yet"),
        _NONE,
    ),
    Reason.CARD_DIFFERS: (
        Text("再次读卡的内容与台账不符", "Read again, the card differs from the ledger"),
        Text("不要清空, 送检存储卡", "Do not clear it; have the card examined"),
    ),
    Reason.ARCHIVE_LACKS: (
        Text("库中缺少文件或文件已损坏", "The archive lacks a file, or it is damaged"),
        Text("不要清空; 立即通知管理员核验存储", "Do not clear it; have the archive verified now"),
    ),
    Reason.ARCHIVE_UNHEALTHY: (
        Text("存储盘状况不良", "The archive's disk is not healthy"),
        Text("由管理员检查存储盘", "The device manager checks the disk"),
    ),
    Reason.NO_SECOND_COPY: (
        Text("规定要求第二份副本, 本站没有设置", "Policy asks for a second copy; none is set up"),
        Text(
            "管理员在 station.toml 中设置 [second_copy]",
            "Set [second_copy] in station.toml",
        ),
    ),
    Reason.SECOND_COPY_AWAY: (
        Text("第二份副本现在不可用", "The second copy is out of reach now"),
        Text("由管理员检查第二份副本的磁盘", "The device manager checks the second copy's disk"),
    ),
    Reason.NOT_COPIED: (
        Text("等待第二份副本", "Waiting for the second copy"),
        Text("等待; 工位都不采集时自动进行", "Wait; it goes on while no dock imports"),
    ),
    Reason.NOT_WITNESSED: (
        Text("等待中心见证", "Waiting for the office's witness"),
        Text(
            "等待; 长时间不变则检查与中心的连接", "Wait; if it lasts, check the line to the office"
        ),
    ),
    Reason.WITNESS_NOT_PINNED: (
        Text(
            "中心的见证公钥未在设置中固定", "The office's witness key is not pinned in the settings"
        ),
        Text("管理员在 station.toml 中填写 witness_key", "Set witness_key in station.toml"),
    ),
    Reason.IDENTITY_UNPROVEN: (
        Text(
            "记录仪身份只凭编号, 没有序列号或卷标识佐证",
            "Only its number says which recorder this is, no serial and no volume",
        ),
        Text("在名册中登记其序列号或卷标识", "Register its serial or volume in the roster"),
    ),
    Reason.IDENTITY_CHANGED: (
        Text("记录仪身份与插入时不同", "The recorder is not the one that was docked"),
        _AGAIN,
    ),
    Reason.RECORDER_TWICE: (
        Text("另一工位的设备使用同一身份", "A device in another dock claims the same identity"),
        Text("两台都不要清空, 核对编号", "Clear neither; compare numbers and serials"),
    ),
    Reason.CLOCK_UNSURE: (
        Text("本站时钟不可信", "The station's clock cannot be relied on"),
        Text("由管理员检查校时", "The device manager checks time synchronisation"),
    ),
    Reason.BATTERY_LOW: (
        Text("电量低于下限", "The battery is below the limit"),
        Text("留在工位充电", "Leave it in the dock to charge"),
    ),
    Reason.BATTERY_UNKNOWN: (
        Text("电量未知", "The battery is unknown"),
        Text(
            "登记屏幕读数, 或由规定接受未知电量", "Enter what its screen shows, or set the policy"
        ),
    ),
    Reason.HANDED_OUT: (
        Text("记录仪已登记领用", "The recorder has been issued"),
        Text("下次入站时再清空", "It is cleared at its next visit"),
    ),
    Reason.DOCK_TROUBLE: (
        Text("工位有未处理的问题", "The dock shows trouble"),
        _CHECK_BY_HAND,
    ),
}
_PHASES = {
    ClearingPhase.WAITING: Text("等待清空", "Waiting to be cleared"),
    ClearingPhase.READING: Text("清空前再次读卡核对", "Reading the card again before clearing"),
    ClearingPhase.INTENDED: Text(
        "清空已登记, 等待中心见证", "Clearing entered, waiting for the witness"
    ),
    ClearingPhase.LOOKING: Text("清空前最后核对", "Last look before clearing"),
    ClearingPhase.REMOVING: Text("正在清空, 请勿取走", "Clearing; do not take it out"),
    ClearingPhase.CLEARED: Text("已清空", "Cleared"),
    ClearingPhase.KEPT: Text("未清空", "Not cleared"),
}
