"""Every error Muster raises on purpose: five roots, by whose fault it is.

A class carries a stable `code` (never reused), the sentence for the person at the kiosk, and what
to do next. Fields named in the sentence are given as keywords when the error is raised.
"""

from collections.abc import Iterator
from typing import ClassVar

from contracts.text import Text


class MusterError(Exception):
    """Any error of ours; only subclasses of the five roots below are raised."""

    code: ClassVar[str]
    sentence: ClassVar[Text]
    remedy: ClassVar[Text]

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.code)

    @property
    def text(self) -> Text:
        """The sentence with its fields filled in."""
        return self.sentence.fill(**self.fields)

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]"


class RecorderError(MusterError):
    """The recorder, its card or its cable is at fault."""


class StationError(MusterError):
    """The station's machine, disk, settings or the people at it are at fault."""


class UplinkError(MusterError):
    """The broker, the network or the index is at fault."""


class LedgerError(MusterError):
    """The ledger is not what it was."""


class InternalError(MusterError):
    """We are at fault."""


class SettingsError(StationError):
    """A settings file does not say what it must; `problems` lists every fault at once."""

    code = "settings_invalid"
    sentence = Text(
        "设置文件 {file} 有 {count} 处错误", "{count} problem(s) in settings file {file}"
    )
    remedy = Text(
        "按下列各条修改后重新启动: {problems}",
        "Mend each of these and start again: {problems}",
    )

    def __init__(self, *, file: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(file=file, count=len(problems), problems="\n  ".join(("", *problems)))


class EntryError(LedgerError):
    """Bytes that claim to be a ledger entry are not one."""

    code = "entry_invalid"
    sentence = Text("台账记录无效: {why}", "Not a valid ledger entry: {why}")
    remedy = Text(
        "保留原始数据并联系管理员核查台账",
        "Keep the data as it is and have the ledger verified",
    )


class NoteError(LedgerError):
    """A signed note is malformed or not signed by the key it must be signed by."""

    code = "note_invalid"
    sentence = Text("签名校验点无效: {why}", "Not a valid signed note: {why}")
    remedy = Text(
        "核对公钥是否为登记的公钥, 不一致时立即上报",
        "Compare the key with the enrolled one; report at once if they differ",
    )


class FileUnreadableError(RecorderError):
    """The card does not give some bytes of a file."""

    code = "file_unreadable"
    sentence = Text(
        "文件 {name} 在第 {offset} 字节处读不出 ({reason})",
        "File {name} cannot be read at byte {offset} ({reason})",
    )
    remedy = Text(
        "其他文件已采集; 重新插入再试, 仍读不出则送检",
        "The other files are imported; dock again, and if it stays unreadable have it examined",
    )


class FileChangedError(RecorderError):
    """A file changed while it was read."""

    code = "file_changed"
    sentence = Text("文件 {name} 在读取时发生变化", "File {name} changed while it was read")
    remedy = Text("停止录像后重新插入", "Stop recording, then dock again")


class RecorderGoneError(RecorderError):
    """The recorder was pulled out."""

    code = "recorder_gone"
    sentence = Text("记录仪在采集中被拔出", "The recorder was taken out during the import")
    remedy = Text("重新插入, 采集将继续", "Dock it again; the import goes on where it stopped")


class MountError(RecorderError):
    """The card cannot be mounted."""

    code = "card_unmountable"
    sentence = Text("存储卡无法打开: {reason}", "The card cannot be mounted: {reason}")
    remedy = Text(
        "换一个工位再试; 不要格式化, 不要修复, 送检",
        "Try another dock; do not format or repair it; have it examined",
    )


class ArchiveFullError(StationError):
    """The archive disk has no room."""

    code = "archive_full"
    sentence = Text("存储磁盘已满, 采集已停止", "The archive disk is full; the import has stopped")
    remedy = Text(
        "扩充存储后采集自动继续; 记录仪中的资料未受影响",
        "Make room and it goes on; the footage on the recorder is untouched",
    )


class ArchiveUnwritableError(StationError):
    """The archive disk refuses to be written."""

    code = "archive_unwritable"
    sentence = Text("存储磁盘无法写入: {reason}", "The archive disk cannot be written: {reason}")
    remedy = Text("检查存储磁盘, 联系管理员", "Have the archive disk checked")


class ReadBackError(StationError):
    """What was read back from the archive disk is not what was written."""

    code = "read_back_differs"
    sentence = Text(
        "写入后校验不一致, 该文件未入库",
        "What was read back differs from what was written; the file was not accepted",
    )
    remedy = Text(
        "更换数据线或工位后重插; 再次出现请更换存储磁盘",
        "Dock again with another cable or dock; if it happens again replace the archive disk",
    )


class ObjectDamagedError(StationError):
    """A file in the archive is not what its name says."""

    code = "object_damaged"
    sentence = Text(
        "库中文件 {name} 与其校验值不符", "Archived file {name} does not match its digest"
    )
    remedy = Text("不要清空记录仪; 立即报告管理员", "Do not clear the recorder; report it at once")


def all_errors(root: type[MusterError] = MusterError) -> Iterator[type[MusterError]]:
    """Yield every error class that has a code, for the manual and its test."""
    for error in root.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from all_errors(error)
