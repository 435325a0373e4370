"""Errors of the station's machine, disk and settings, and of the people at it."""

from contracts.errors.roots import StationError
from contracts.text import Text


class SettingsError(StationError):
    """A settings file does not say what it must; `problems` lists every fault at once."""

    code = "settings_invalid"
    sentence = Text(
        "设置文件 {file} 有 {count} 处错误", "{count} problem(s) in settings file {file}"
    )
    _mend = Text("逐条改正后重新启动", "Mend each of these and start again")
    remedy = Text(f"{_mend.zh}: {{problems}}", f"{_mend.en}: {{problems}}")

    def __init__(self, *, file: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(file=file, count=len(problems), problems="; ".join(problems))

    @classmethod
    def unreadable(cls, file: object, error: Exception) -> "SettingsError":
        """Return the error for a file or folder that cannot be read, or is no UTF-8."""
        why = getattr(error, "strerror", None) or error
        return cls(file=str(file), problems=(f"读不出 / cannot be read: {why}",))

    @property
    def account(self) -> str:
        """What a terminal or a journal shows: each problem once, on a line of its own."""
        return "\n".join((str(self), *(f"  {one}" for one in self.problems), f"→ {self._mend}"))


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


class ArchiveAbsentError(ArchiveUnwritableError):
    """The archive's folder is not on the disk that was commissioned, or there is no such folder."""

    code = "archive_absent"
    sentence = Text(
        "登记的存储磁盘不在 {where}, 不写入任何内容",
        "The commissioned archive disk is not at {where}; nothing is written there",
    )
    remedy = Text(
        "挂载该磁盘; 确需更换磁盘时运行 muster-agent commission --replace",
        "Mount that disk; if it was replaced for good run muster-agent commission --replace",
    )


class ArchiveForeignError(ArchiveUnwritableError):
    """Another archive's disk is where this station's should be."""

    code = "archive_foreign"
    sentence = Text(
        "{where} 是另一块磁盘 ({found}), 不是登记的 {known}",
        "At {where} is another disk ({found}), not the one commissioned, {known}",
    )
    remedy = Text(
        "换回登记的磁盘; 确需更换时运行 muster-agent commission --replace",
        "Put the right disk back; if it was replaced for good run "
        "muster-agent commission --replace",
    )


class ArchiveReadOnlyError(ArchiveUnwritableError):
    """The archive's file system became read-only."""

    code = "archive_read_only"
    sentence = Text(
        "存储磁盘已变为只读, 采集已停止",
        "The archive disk has become read-only; the import has stopped",
    )
    remedy = Text(
        "多为磁盘故障: 查看内核日志, 检查或更换磁盘后重新挂载",
        "Mostly a failing disk: see the kernel's log, check or replace it, then mount it again",
    )


class ArchiveFillingError(StationError):
    """The archive disk will be full before long."""

    code = "archive_filling"
    sentence = Text(
        "存储磁盘剩余 {free_gb} GB, 低于 {limit_gb} GB",
        "The archive disk has {free_gb} GB left, below {limit_gb} GB",
    )
    remedy = Text("尽快扩充存储; 采集仍在进行", "Make room soon; imports still go on")


class ArchiveLowError(StationError):
    """The archive disk has no room beside what is kept free."""

    code = "archive_low"
    sentence = Text(
        "存储磁盘剩余 {free_gb} GB, 需要 {wanted_gb} GB, 并须保留 {limit_gb} GB, 未采集",
        "The archive disk has {free_gb} GB left; {wanted_gb} GB are wanted and {limit_gb} GB "
        "stay free, so nothing is imported",
    )
    remedy = Text(
        "扩充存储后采集自动继续; 记录仪中的资料未受影响",
        "Make room and it goes on by itself; the footage on the recorder is untouched",
    )


class LedgerDiskLowError(StationError):
    """The disk with the ledger has too little room to go on entering footage."""

    code = "ledger_disk_low"
    sentence = Text(
        "台账所在磁盘剩余 {free_gb} GB, 低于 {limit_gb} GB, 采集已停止",
        "The ledger's disk has {free_gb} GB left, below {limit_gb} GB; the import has stopped",
    )
    remedy = Text(
        "清理台账所在磁盘上的其他文件, 采集自动继续; 不得删除台账",
        "Remove other files from that disk and it goes on by itself; never touch the ledger",
    )


class CommissionRefusedError(StationError):
    """The archive cannot be commissioned as asked."""

    code = "commission_refused"
    sentence = Text("未登记存储磁盘: {why}", "The archive disk was not commissioned: {why}")
    remedy = Text(
        "核对磁盘和挂载点; 更换磁盘须使用 --replace",
        "Check the disk and where it is mounted; replacing one needs --replace",
    )


class ArchiveTakenError(StationError):
    """Another agent works on the same archive."""

    code = "archive_taken"
    sentence = Text(
        "资料库 {where} 正由另一采集服务使用", "Another agent is using the archive {where}"
    )
    remedy = Text(
        "每个资料库只能有一个采集服务; 检查设置", "One agent for each archive: check the settings"
    )


class ReadBackError(StationError):
    """What was read back from the archive disk is not what was written."""

    code = "read_back_differs"
    sentence = Text(
        "写入后校验不一致, 文件 {name} 未入库",
        "What was read back of {name} differs from what was written; it was not accepted",
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


class PersonUnknownError(StationError):
    """Nobody of that id is in the roster."""

    code = "person_unknown"
    sentence = Text("名册中没有人员 {person}", "There is no person {person} in the roster")
    remedy = Text("核对工号", "Check the id")


class PinWrongError(StationError):
    """The PIN is not this person's."""

    code = "pin_wrong"
    sentence = Text("{person} 的密码不正确", "The PIN of {person} is not right")
    remedy = Text(
        "重新输入; 忘记密码请管理员更换",
        "Type it again; if it is forgotten have the administrator set a new one",
    )


class PinLockedError(StationError):
    """Too many wrong PINs in a row."""

    code = "pin_locked"
    sentence = Text(
        "{person} 的密码连续输错, 已锁定 {seconds} 秒",
        "Too many wrong PINs for {person}: locked for {seconds} s",
    )
    remedy = Text(
        "等待后重试; 不是本人操作请立即报告", "Wait and try again; report it if it was not you"
    )


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


class OutOfServiceError(StationError):
    """The recorder is in repair or lost; no reason overrides that."""

    code = "out_of_service"
    sentence = Text(
        "记录仪 {recorder} 已停用: {reason}", "Recorder {recorder} is out of service: {reason}"
    )
    remedy = Text(
        "换一台记录仪; 恢复使用由管理员登记",
        "Take another recorder; the device manager puts this one back in service",
    )


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


class QuestionUnknownError(StationError):
    """No such question is open."""

    code = "question_unknown"
    sentence = Text("没有待说明的问题 {question}", "No question {question} is open")
    remedy = Text("在问题列表中重新选择", "Choose one from the list of questions")


class DockUnknownError(StationError):
    """The station has no dock of this number."""

    code = "dock_unknown"
    sentence = Text("没有 {dock} 号工位", "There is no dock {dock}")
    remedy = Text("本站的工位: {docks}", "This station has: {docks}")


class NothingToRetryError(StationError):
    """A dock has nothing that could be tried again."""

    code = "nothing_to_retry"
    sentence = Text("{dock} 号工位没有可重试的任务", "Dock {dock} has nothing to try again")
    remedy = Text("插入记录仪", "Dock a recorder")


class FormError(StationError):
    """A form at the pages is not filled in as it must be; `label` names the field."""

    code = "form_invalid"
    sentence = Text("填写有误: {label}", "Not filled in correctly: {label}")
    remedy = Text("请改正后重新提交", "Correct it and send it again")

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


class FixtureTakenError(StationError):
    """A recording cannot be written to a file: what it holds already does not go with it."""

    code = "fixture_taken"
    sentence = Text("{file} 中不能再录: {reason}", "{file} takes no more: {reason}")
    remedy = Text(
        "用 --output 另存一个文件; 确定不要旧文件, 先删除再录",
        "Record into another file with --output, or remove this one first if it is not wanted",
    )


class ExportTooLongError(StationError):
    """A sheet cannot hold all that an export is of."""

    code = "export_too_long"
    sentence = Text(
        "超过一张表格的 {lines} 行, 未导出", "More than the {lines} lines of a sheet: not exported"
    )
    remedy = Text("缩小日期范围, 或导出 CSV", "Choose a shorter time, or export CSV")


class ExportFailedError(StationError):
    """An export's temporary file cannot be written."""

    code = "export_failed"
    sentence = Text("导出文件写不出: {reason}", "The export cannot be written: {reason}")
    remedy = Text(
        "腾出系统磁盘 (/tmp) 的空间, 再导出",
        "Make room on the system's disk (/tmp), then export again",
    )


class UnansweredError(StationError):
    """The agent did not answer in time."""

    code = "unanswered"
    sentence = Text("采集服务没有及时回答", "The agent did not answer in time")
    remedy = Text(
        "在台账中确认是否已登记, 没有则重试",
        "Look in the ledger whether it was entered; else retry",
    )


class AgentAwayError(StationError):
    """The agent's socket gives no answer."""

    code = "agent_away"
    sentence = Text("采集服务未运行: {reason}", "The agent does not answer: {reason}")
    remedy = Text(
        "先查看台账是否已登记, 再重试; 仍无应答则启动采集服务",
        "See in the ledger whether it was entered, then try again; start the agent if it is away",
    )
