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


class ProofError(LedgerError):
    """A proof does not show what it must show."""

    code = "proof_invalid"
    sentence = Text("证明不成立: {why}", "The proof does not hold: {why}")
    remedy = Text(
        "保留原始数据并联系管理员核查台账",
        "Keep the data as it is and have the ledger verified",
    )


class LedgerBrokenError(LedgerError):
    """The ledger in a folder is shorter than, or different from, what was signed."""

    code = "ledger_broken"
    sentence = Text(
        "台账 {where} 与已签名的历史不符: {what}",
        "The ledger in {where} is not the one that was signed: {what}",
    )
    remedy = Text(
        "不要删除任何文件; 保全整个目录, 运行 muster-agent verify 并立即上报",
        "Delete nothing; keep the whole folder, run muster-agent verify and report it at once",
    )


class LedgerLockedError(LedgerError):
    """Another process has the ledger open for writing."""

    code = "ledger_locked"
    sentence = Text(
        "台账 {where} 正被另一进程使用", "The ledger in {where} is in use by another process"
    )
    remedy = Text("先停止另一个进程", "Stop the other process first")


class LedgerStorageError(LedgerError):
    """The ledger's files cannot be opened, read or written."""

    code = "ledger_storage"
    sentence = Text("台账 {where} 无法读写: {what}", "The ledger in {where} fails: {what}")
    remedy = Text(
        "检查磁盘空间, 权限和磁盘状况后重新启动",
        "Check space, permissions and the health of the disk, then start again",
    )


class LedgerCommitError(LedgerError):
    """A commit failed, so nobody knows whether its entries are on disk; only a restart can tell."""

    code = "ledger_commit_unknown"
    sentence = Text(
        "台账 {where} 提交失败, 结果未知: {what}",
        "A commit to the ledger in {where} failed; its outcome is unknown: {what}",
    )
    remedy = Text(
        "程序将停止; 检查磁盘后重新启动",
        "The program stops; check the disk, then start it again",
    )


class DeviceRefusedError(RecorderError):
    """A device that must not be opened was plugged in."""


class PortUnboundError(DeviceRefusedError):
    """The device is on a port that is no dock."""

    code = "port_unbound"
    sentence = Text(
        "{device} 插在未绑定工位的端口 {port}, 未打开",
        "{device} is on port {port}, which is no dock; it was not opened",
    )
    remedy = Text(
        "插到工位上; 若该端口应为工位, 请在 station.toml 中绑定",
        "Plug it into a dock; if this port is to be one, bind it in station.toml",
    )


class NotARecorderError(DeviceRefusedError):
    """The device is, or brings with it, something no recorder has."""

    code = "not_a_recorder"
    sentence = Text(
        "端口 {port} 上的 {device} 不是执法记录仪, 已拒绝",
        "{device} on port {port} is no recorder; it was refused",
    )
    remedy = Text(
        "立即拔下并报告管理员; 来历不明的设备可能用于攻击",
        "Take it out and report it: an unknown device may be an attack",
    )


class DockTakenError(DeviceRefusedError):
    """The port already shows another disk or card."""

    code = "dock_taken"
    sentence = Text(
        "端口 {port} 上同时有两个存储, {device} 未采集",
        "Port {port} shows two disks at once; {device} is not imported",
    )
    remedy = Text(
        "取下记录仪的第二张存储卡, 用读卡器放入收件目录采集",
        "Take out the second card and import it through the inbox with a card reader",
    )


class IdentityConflictError(RecorderError):
    """What a recorder says of itself points to more than one registered recorder."""

    code = "identity_conflict"
    sentence = Text(
        "身份信息矛盾, 同时符合: {recorders}",
        "Its marks contradict each other; they point to: {recorders}",
    )
    remedy = Text(
        "核对记录仪编号和存储卡是否调换, 在名册中更正后重新插入",
        "Check the number and whether cards were swapped, correct the roster, then dock it again",
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


class HardLinksMissingError(StationError):
    """The archive's file system cannot give one file two names."""

    code = "hard_links_missing"
    sentence = Text("存储磁盘的文件系统不支持硬链接", "The archive's file system has no hard links")
    remedy = Text(
        "将存储磁盘格式化为 ext4, XFS 或 Btrfs", "Use ext4, XFS or Btrfs for the archive disk"
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


class ConfinementError(StationError):
    """The process that looks into footage cannot be shut off from files and network."""

    code = "probe_unconfined"
    sentence = Text(
        "媒体检查进程无法隔离, 不解析文件: {reason}",
        "The media probe cannot be confined and parses nothing: {reason}",
    )
    remedy = Text(
        "采集不受影响; 请使用支持 seccomp 的 Linux 内核, 容器须允许 seccomp",
        "Imports go on; use a Linux kernel with seccomp, and allow it in the container",
    )


class ObjectMissingError(StationError):
    """A file that should be in the archive is not there."""

    code = "object_missing"
    sentence = Text("库中没有文件 {name}", "File {name} is not in the archive")
    remedy = Text("不要清空记录仪; 立即报告管理员", "Do not clear the recorder; report it at once")


class RecorderUnknownError(RecorderError):
    """A recorder that is not in the roster was plugged in."""

    code = "recorder_unknown"
    sentence = Text("记录仪 {seen} 未登记, 未读取", "Recorder {seen} is not registered; not read")
    remedy = Text(
        "由管理员登记到名册后重新插入",
        "The device manager registers it in the roster; then dock it again",
    )


class RecorderNumberTwiceError(RecorderError):
    """Two recorders answer to one number at the same time."""

    code = "recorder_number_twice"
    sentence = Text(
        "记录仪编号 {recorder} 已在 {dock} 号工位, 本台未读取",
        "Recorder number {recorder} is already in dock {dock}; this one is not read",
    )
    remedy = Text(
        "两台都不要清空; 由管理员核对编号和序列号",
        "Clear neither; the device manager compares numbers and serials",
    )


class PersonUnknownError(StationError):
    """Nobody of that id is in the roster."""

    code = "person_unknown"
    sentence = Text("名册中没有人员 {person}", "There is no person {person} in the roster")
    remedy = Text("核对工号", "Check the id")


class PinWrongError(StationError):
    """The PIN is not this person's."""

    code = "pin_wrong"
    sentence = Text("{person} 的密码不正确", "The PIN of {person} is not right")
    remedy = Text("重新输入; 忘记密码由管理员重设", "Type it again, or have it set anew")


class NoSuchRecorderError(StationError):
    """No recorder of that number is in the roster."""

    code = "no_such_recorder"
    sentence = Text("名册中没有记录仪 {recorder}", "There is no recorder {recorder} in the roster")
    remedy = Text("核对记录仪编号", "Check the recorder's number")


class AlreadyIssuedError(StationError):
    """The recorder is out already."""

    code = "already_issued"
    sentence = Text(
        "记录仪 {recorder} 已由 {person} 领用", "Recorder {recorder} is already issued to {person}"
    )
    remedy = Text("先交回再领用", "It must be returned first")


class NotIssuedError(StationError):
    """The recorder is not out."""

    code = "not_issued"
    sentence = Text("记录仪 {recorder} 未被领用", "Recorder {recorder} is not issued")
    remedy = Text("无需交回", "There is nothing to return")


class KeptByOtherError(StationError):
    """The recorder is kept by one person and someone else asks for it (S2 A6 Art 18)."""

    code = "kept_by_other"
    sentence = Text(
        "记录仪 {recorder} 由 {keeper} 专用", "Recorder {recorder} is kept by {keeper} alone"
    )
    remedy = Text("选择其他记录仪", "Choose another recorder")


class ApprovalNeededError(StationError):
    """The policy asks for an approver (S2 A6 Art 5)."""

    code = "approval_needed"
    sentence = Text("领用需要本部门批准人确认", "An approver of the department must confirm this")
    remedy = Text("请批准人输入工号和密码", "The approver enters id and PIN")


class ChecksFailedError(StationError):
    """A failed check bars the recorder from being issued."""

    code = "checks_failed"
    sentence = Text(
        "记录仪 {recorder} 检查未通过: {zh}", "Recorder {recorder} failed its checks: {en}"
    )
    remedy = Text(
        "换一台记录仪, 或填写理由后放行", "Take another recorder, or give a reason to override"
    )


class OverrideBarredError(StationError):
    """The policy lets nobody override a failed check."""

    code = "override_barred"
    sentence = Text("本部门规定检查未通过不得放行", "The department's policy allows no override")
    remedy = Text("换一台记录仪", "Take another recorder")


class NotAllowedError(StationError):
    """This person's role does not allow it."""

    code = "not_allowed"
    sentence = Text("{person} 无权进行此操作", "{person} may not do this")
    remedy = Text("请管理员操作", "Ask the device manager")


class CommandInvalidError(StationError):
    """A command over the socket makes no sense."""

    code = "command_invalid"
    sentence = Text("请求无效: {why}", "Not a valid request: {why}")
    remedy = Text("核对填写内容", "Check what was filled in")


class NothingToRetryError(StationError):
    """A dock has nothing that could be tried again."""

    code = "nothing_to_retry"
    sentence = Text("{dock} 号工位没有可重试的任务", "Dock {dock} has nothing to try again")
    remedy = Text("插入记录仪", "Dock a recorder")


class LedgerBehindIndexError(LedgerError):
    """The index holds more entries of this ledger than the ledger itself."""

    code = "ledger_behind_index"
    sentence = Text(
        "中心已有 {index_has} 条, 本站台账只有 {size} 条",
        "The index has {index_has} entries, this ledger only {size}",
    )
    remedy = Text(
        "台账可能被回退; 停止使用并立即报告",
        "The ledger may have been rolled back; stop using it and report at once",
    )


class CountsDifferError(InternalError):
    """The outcomes of a visit's files do not add up to what was listed."""

    code = "counts_differ"
    sentence = Text("文件数对不上, 本次入站未完成", "The file counts differ; not completed")
    remedy = Text("重新插入; 再次出现请联系管理员", "Dock again; report it if it recurs")


class UnforeseenError(InternalError):
    """Something went wrong that nobody foresaw."""

    code = "internal"
    sentence = Text("内部错误, 编号 {reference}", "Internal error, reference {reference}")
    remedy = Text("把编号告诉管理员", "Give the reference to the administrator")


class AgentSilentError(StationError):
    """The agent does not answer what people at the pages ask of it."""

    code = "agent_silent"
    sentence = Text("采集服务没有应答 ({why})", "The agent does not answer ({why})")
    remedy = Text(
        "先查看台账是否已登记, 再重试; 仍无应答则联系管理员重启采集服务",
        "See in the ledger whether it was entered, then try again; have the agent restarted "
        "if it stays silent",
    )


class FormError(StationError):
    """A form at the pages is not filled in as it must be; `label` names the field."""

    code = "form_invalid"
    sentence = Text("填写有误: {label}", "Not filled in correctly: {label}")
    remedy = Text("请改正后重新提交", "Mend it and send it again")

    def __init__(self, label: Text) -> None:
        self.label = label
        super().__init__(label=label)

    @property
    def text(self) -> Text:
        """The sentence with the field's name in each language."""
        sentence = self.sentence
        return Text(
            sentence.zh.format(label=self.label.zh), sentence.en.format(label=self.label.en)
        )


class UnansweredError(StationError):
    """The agent did not answer in time."""

    code = "unanswered"
    sentence = Text("采集服务没有及时回答", "The agent did not answer in time")
    remedy = Text(
        "在台账中确认是否已登记, 没有则重试",
        "Look in the ledger whether it was entered; else retry",
    )


class BrokerRefusedError(UplinkError):
    """The broker's rules do not let this station say what it must."""

    code = "broker_refused"
    sentence = Text("消息服务器拒绝本站的消息: {reason}", "The broker refuses us: {reason}")
    remedy = Text(
        "检查消息服务器的访问规则; 台账保留在本站, 恢复后自动上报",
        "Check the broker's access rules; the ledger is kept here and is sent when they allow it",
    )


class NoDriverError(RecorderError):
    """No driver serves this device."""

    code = "no_driver"
    sentence = Text("没有适用于 {device} 的驱动", "No driver serves {device}")
    remedy = Text("请管理员核对记录仪型号", "The device manager checks the recorder's model")


class AgentAwayError(StationError):
    """The agent's socket gives no answer."""

    code = "agent_away"
    sentence = Text("采集服务未运行: {reason}", "The agent does not answer: {reason}")
    remedy = Text("启动采集服务后再试", "Start the agent and try again")


def all_errors(root: type[MusterError] = MusterError) -> Iterator[type[MusterError]]:
    """Yield every error class that has a code, for the manual and its test."""
    for error in root.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from all_errors(error)
