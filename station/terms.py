"""Words for the codes that entries and clearings use, in both languages."""

from contracts.clearing import Reason
from contracts.errors import MusterError
from contracts.errors.roots import all_errors
from contracts.questions import REASONS
from contracts.text import Text

UNKNOWN = Text("未知", "unknown")


def term_of(code: str) -> Text:
    """Return the word for a code; an unknown code names itself."""
    return TERMS.get(code, Text(code, code))


def terms_of(codes: tuple[object, ...]) -> Text:
    """Return the words for several codes, one after the other."""
    terms = [term_of(str(code)) for code in codes]
    return Text("; ".join(term.zh for term in terms), "; ".join(term.en for term in terms))


def told_apart(reason: str) -> Text:
    """Return a reason that was entered in both languages, as `中文 / English`, in each."""
    zh, _, en = reason.partition(" / ")
    return term_of(reason) if zh.isascii() or not en or " / " in en else Text(zh, en)


# An error's sentence is a term where it holds nothing that only its own moment knows.
_ERRORS = {
    error.code: error.sentence
    for error in all_errors(MusterError)
    if "{" not in error.sentence.zh + error.sentence.en
}
TERMS = {
    **_ERRORS,
    **{reason.value: reason.sentence for reason in Reason},
    **{str(code): words for code, words in REASONS.items()},
    # What a question is about.
    "hole": Text("录像中断", "a time without recording"),
    "counter": Text("编号缺失", "missing numbers"),
    "overlap": Text("时间重叠", "overlapping recordings"),
    "clock_jumped": Text("时间不一致", "times that do not fit"),
    "late": Text("上次未采到", "did not come with the last import"),
    "future": Text("晚于采集时间", "dated after its import"),
    "more": Text("其余", "more like these"),
    "no_footage": Text("当日无音像资料", "no footage that day"),
    "off_site": Text("异地或连续执法", "off site or on continuous duty"),
    "repair": Text("设备故障送修", "in repair"),
    "loss": Text("设备丢失", "lost"),
    "other": Text("其他", "other"),
    "in_repair": Text("报修停用", "out of service for repair"),
    "lost": Text("登记丢失", "lost"),
    "in_service": Text("恢复使用", "back in service"),
    "met": Text("按期采集, 事后得知", "imported in time, heard of later"),
    "met_late": Text("已逾期采集", "imported late"),
    "declared": Text("已作说明", "declared"),
    "extended": Text("已延期", "extended"),
    "heard_again": Text("已恢复联系", "heard again"),
    "recovered": Text("已恢复正常", "recovered"),
    "withdrawn": Text("已撤销", "withdrawn"),
    "gone": Text("已丢失", "was gone"),
    "elsewhere": Text("指向别处", "led elsewhere"),
    "missing": Text("应采集未采集", "missing import"),
    "silent": Text("采集站失联", "silent station"),
    # How a clearing ended.
    "cleared": Text("已清空", "cleared"),
    "recorder_gone": Text("记录仪被拔出", "the recorder was taken out"),
    "agent_restarted": Text("采集服务重启, 结果未知", "the agent was restarted; not known"),
    "files_left": Text("仍有应移除的文件", "files that were to go are left"),
    "card_not_cleared": Text("存储卡无法清空", "the card cannot be cleared"),
    "card_unmountable": Text("存储卡无法打开", "the card cannot be mounted"),
    "listing_unsteady": Text("存储卡的文件目录一再变化", "the card's listing keeps changing"),
    "internal": Text("内部错误", "an internal error"),
    # What a disk's fault is called when it is over.
    "archive_absent": Text("存储磁盘不在", "the archive's disk was gone"),
    "archive_filling": Text("存储磁盘将满", "the archive's disk was filling"),
    "archive_foreign": Text("挂载了另一块磁盘", "another disk was mounted"),
    "archive_full": Text("存储磁盘已满", "the archive's disk was full"),
    "archive_low": Text("存储空间不足", "too little room was left"),
    "archive_read_only": Text("存储磁盘只读", "the archive's disk was read-only"),
    "archive_unwritable": Text("存储磁盘无法写入", "the archive's disk could not be written"),
    "ledger_disk_low": Text("台账磁盘将满", "the ledger's disk was nearly full"),
    "second_copy_absent": Text("磁盘不在", "its disk was gone"),
    "second_copy_failing": Text("磁盘出错", "its disk failed"),
    "second_copy_foreign": Text("挂载了另一块磁盘", "another disk was mounted"),
    "second_copy_full": Text("磁盘已满", "its disk was full"),
    "second_copy_misplaced": Text("与资料库或系统同盘", "it was on the archive's or system's disk"),
    # How sure a reading is, and how it was obtained.
    "measured": Text("测得", "measured"),
    "reported": Text("设备自报", "reported"),
    "estimated": Text("估计", "estimated"),
    "observed": Text("人工查看", "observed"),
    "newest file": Text("新文件的时间", "times of new files"),
    "newest file, at least": Text("新文件的时间, 至少", "times of new files, at least"),
    "statvfs": Text("存储卡文件系统", "the card's file system"),
    "screen": Text("屏幕", "screen"),
    # How a recorder marked a file as important.
    "important_name": Text("文件名标记", "by its name"),
    "important_read_only": Text("只读标记", "by the read-only mark"),
    "important_folder": Text("所在文件夹", "by its folder"),
    # Why a file was not read to its end.
    "file_unreadable": Text("有内容读不出", "parts of it cannot be read"),
    "file_changed": Text("读取时发生变化", "it changed while it was read"),
    "file_grown": Text("读取时变大", "it grew while it was read"),
    "file_short": Text("比列出的短", "it is shorter than listed"),
    "file_vanished": Text("读取前消失", "it vanished before it was read"),
    # Why a device or an item on a card was not opened.
    "not_a_recorder": Text("不是执法记录仪", "no recorder"),
    "not_admitted": Text("未能放行", "it could not be let in"),
    "no_driver": Text("没有适用的驱动", "no driver serves it"),
    "port_unbound": Text("端口未绑定工位", "the port is no dock"),
    "dock_taken": Text("端口上同时有两台设备", "two devices on one port"),
    "recorder_unknown": Text("记录仪未登记", "the recorder is not registered"),
    "recorder_number_twice": Text("编号已在另一工位", "its number is in another dock"),
    "identity_conflict": Text("身份信息矛盾", "its marks contradict each other"),
    "symlink": Text("符号链接", "a symbolic link"),
    "hard_link": Text("硬链接", "a hard link"),
    "mount_point": Text("另一文件系统", "another file system"),
    "unlistable_folder": Text("列不出的文件夹", "a folder that cannot be listed"),
    "fifo": Text("管道", "a pipe"),
    "socket": Text("套接字", "a socket"),
    "device": Text("设备文件", "a device file"),
    "special": Text("特殊文件", "a special file"),
    "file": Text("文件", "a file"),
    "folder": Text("文件夹", "a folder"),
    "link": Text("链接", "a link"),
    "unreadable": Text("读不出", "unreadable"),
    "EIO": Text("读取错误", "read error"),
    "I/O error": Text("读取错误", "read error"),
    "Input/output error": Text("读取错误", "read error"),
}
