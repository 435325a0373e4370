"""Errors of the recorder, its card or its cable."""

from contracts.errors.roots import RecorderError
from contracts.text import Text


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


class NotAdmittedError(DeviceRefusedError):
    """The root helper does not let the device in: it does not answer, or it refuses."""

    code = "not_admitted"
    sentence = Text(
        "端口 {port} 上的 {device} 未能放行, 未读取",
        "{device} on port {port} could not be let in; it was not read",
    )
    remedy = Text(
        "拔下重插; 仍不行, 报告管理员: 查看 systemctl status muster-mounter",
        "Dock it again; if that does not help, tell the manager: systemctl status muster-mounter",
    )


class DockTakenError(DeviceRefusedError):
    """The port already shows another device: two connectors bear one name."""

    code = "dock_taken"
    sentence = Text(
        "端口 {port} 上同时有两台设备, {device} 未打开",
        "Port {port} shows two devices at once; {device} was not opened",
    )
    remedy = Text(
        "拔下其中一台; 两个插口同名 (USB 2 与 USB 3) 时只把其中一个用作工位",
        "Take one out; where two connectors share a name (USB 2 and USB 3) use only one as a dock",
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


class FileGrownError(FileChangedError):
    """A file holds more than was listed: somebody still writes to it."""

    code = "file_grown"
    sentence = Text("文件 {name} 在读取时变大", "File {name} grew while it was read")


class FileShortError(FileChangedError):
    """The card ends a file before the size it lists for it."""

    code = "file_short"
    sentence = Text(
        "文件 {name} 列出 {size} 字节, 只读到 {offset} 字节",
        "File {name} is listed with {size} bytes and gives only {offset}",
    )
    remedy = Text(
        "读出的部分已另存; 重新插入再试, 仍不完整则送检",
        "What it gave is kept apart; dock again, and if it stays short have the card examined",
    )


class FileVanishedError(FileChangedError):
    """A listed file is there no more."""

    code = "file_vanished"
    sentence = Text("文件 {name} 在读取前消失", "File {name} vanished before it was read")
    remedy = Text("重新插入再试; 不要清空", "Dock again; do not clear the card")


class ListingUnsteadyError(RecorderError):
    """A card lists something else each time it is asked."""

    code = "listing_unsteady"
    sentence = Text(
        "存储卡的文件目录一再变化 (已列 {times} 次)",
        "The card's listing keeps changing (listed {times} times)",
    )
    remedy = Text(
        "停止录像后重新插入; 仍变化则不要清空, 送检",
        "Stop recording, then dock again; if it goes on, do not clear the card, have it examined",
    )


class FilesLeftError(RecorderError):
    """After the clearing the card still holds files that were to be removed."""

    code = "files_left"
    sentence = Text(
        "清空后存储卡上仍有应移除的文件: {left}",
        "After the clearing the card still holds files that were to go: {left}",
    )
    remedy = Text(
        "所有文件均已采集并核验; 重新插入再试, 仍如此则更换存储卡",
        "Every file is proven in the archive; dock it again, and replace the card if it goes on",
    )


class ClearingError(RecorderError):
    """The card refuses to be cleared."""

    code = "card_not_cleared"
    sentence = Text("存储卡无法清空: {reason}", "The card cannot be cleared: {reason}")
    remedy = Text(
        "所有文件均已采集并核验; 检查写保护, 重新插入再试",
        "Every file is proven in the archive; look for a write lock, then dock it again",
    )


class ClearingStoppedError(RecorderError):
    """The clearing gave way to a new visit."""

    code = "clearing_stopped"
    sentence = Text(
        "重新开始入站, 清空停止", "The visit was begun again, which stopped the clearing"
    )
    remedy = Text("无需处理; 采集完成后重新核对", "Nothing to do; everything is checked anew")


class RecorderGoneError(RecorderError):
    """The recorder was pulled out."""

    code = "recorder_gone"
    sentence = Text("记录仪在采集中被拔出", "The recorder was taken out during the import")
    remedy = Text("重新插入, 采集将继续", "Dock it again; the import goes on where it stopped")


class GoneWhileAskedError(RecorderError):
    """A device went away while `muster-agent ask` spoke with it."""

    code = "gone_while_asked"
    sentence = Text(
        "询问中 {at} 断开, 其余未问到", "{at} went away while it was asked; the rest is not known"
    )
    remedy = Text("检查插头和线缆, 再问一次", "Check plug and cable, and ask again")


class MountError(RecorderError):
    """The card cannot be mounted."""

    code = "card_unmountable"
    sentence = Text("存储卡无法打开: {reason}", "The card cannot be mounted: {reason}")
    remedy = Text(
        "换一个工位再试; 不要格式化, 不要修复, 送检",
        "Try another dock; do not format or repair it; have it examined",
    )


class CardUnsoundError(RecorderError):
    """The card's file system is damaged, so that nothing may be removed from it.

    Clusters that are taken and in no file are damage: they may hold footage that lost its entry.
    """

    code = "card_unsound"
    sentence = Text(
        "存储卡文件系统有损坏, 不清空: {reason}",
        "The card's file system is damaged; it is not cleared: {reason}",
    )
    remedy = Text(
        "列出的影像已采集, 无主簇中可能还有未列出的: 管理员先做整卡镜像, 检查后再在记录仪上格式化",
        "What is listed is imported; orphaned clusters may hold footage that is not: the device "
        "manager takes an image of the card and looks into it before formatting it",
    )


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


class NoDriverError(RecorderError):
    """No driver serves this device."""

    code = "no_driver"
    sentence = Text("没有适用于 {device} 的驱动", "No driver serves {device}")
    remedy = Text("请管理员核对记录仪型号", "The device manager checks the recorder's model")


class NotAskableError(RecorderError):
    """A profile has no language that `muster-agent ask` could speak."""

    code = "not_askable"
    sentence = Text(
        "型号 {profile} 没有可以询问的语言: 它是存储卡或相机",
        "Profile {profile} has no language to ask in: it is a card or a camera",
    )
    remedy = Text(
        "插到工位上即读取; 要录下它的文件名和回答: muster-agent record-fixture",
        "It is read when it is docked; muster-agent record-fixture keeps its answers and names",
    )


class NothingPluggedInError(RecorderError):
    """Nothing is plugged in where a device was to be."""

    code = "nothing_plugged_in"
    sentence = Text("{at} 处没有插着的设备", "Nothing is plugged in at {at}")
    remedy = Text(
        "插着的设备和端口见 muster-agent recorders",
        "See what is plugged in and where: muster-agent recorders",
    )


class RecorderSilentError(RecorderError):
    """A device that shows no disk answers in none of the languages it may have."""

    code = "recorder_silent"
    sentence = Text(
        "{device} 对已知的询问都没有应答 ({tried})",
        "{device} answers in none of the known ways ({tried})",
    )
    remedy = Text(
        "在记录仪上按 U 盘键, 或拔出后重新插入; 请管理员核对型号",
        "Press its own U-disk key, or dock it again; the device manager checks the model",
    )


class NotBackAsDiskError(RecorderError):
    """A recorder was told to show its card as a disk and did not in time."""

    code = "not_back_as_disk"
    sentence = Text(
        "记录仪在 {seconds} 秒内没有切换为 U 盘",
        "The recorder did not turn into a disk within {seconds} s",
    )
    remedy = Text(
        "停止录像, 在记录仪上按 U 盘键; 仍不出现则拔出后重新插入",
        "Stop recording and press its own U-disk key; if no disk appears, dock it again",
    )


class NoAnswerError(RecorderError):
    """A recorder did not answer a request, or not with anything whole."""

    code = "no_answer"
    sentence = Text(
        "记录仪没有回答 ({request}: {reason})",
        "The recorder did not answer ({request}: {reason})",
    )
    remedy = Text(
        "重新插入再试; 读不到的项目可查看屏幕后手工登记",
        "Dock it again; what cannot be read may be entered from its screen",
    )


class TransportError(RecorderError):
    """The way to a recorder cannot be used."""

    code = "transport_unusable"
    sentence = Text(
        "无法与记录仪通信: {node} ({reason})",
        "The recorder cannot be spoken with: {node} ({reason})",
    )
    remedy = Text(
        "检查端口是否被其他程序占用, 以及采集程序的权限, 然后重新插入",
        "See whether another program holds the port and what the agent may open, then dock again",
    )


class SwitchRefusedError(RecorderError):
    """A recorder in command mode does not become a disk."""

    code = "switch_refused"
    sentence = Text(
        "记录仪拒绝切换为 U 盘, 多为正在录像",
        "The recorder refuses to become a disk, mostly because it is recording",
    )
    remedy = Text(
        "停止录像后重新插入; 仍拒绝则在记录仪上按 U 盘键",
        "Stop recording and dock it again; if it still refuses use its own U-disk key",
    )
