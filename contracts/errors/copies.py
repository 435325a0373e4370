"""Errors of the second copy's disk."""

from contracts.errors.roots import StationError
from contracts.text import Text


class SecondCopyError(StationError):
    """Something is wrong with the second copy's disk; it stops no import."""


class SecondCopyAbsentError(SecondCopyError):
    """The second copy's folder is not on the disk that was commissioned, or there is none."""

    code = "second_copy_absent"
    sentence = Text(
        "第二份副本的磁盘不在 {where}, 不写入任何内容",
        "The second copy's disk is not at {where}; nothing is written there",
    )
    remedy = Text(
        "挂载该磁盘; 确需更换时运行 muster-agent commission --second-copy --replace",
        "Mount that disk; if it was replaced for good run "
        "muster-agent commission --second-copy --replace",
    )


class SecondCopyForeignError(SecondCopyError):
    """Another disk is where the second copy should be."""

    code = "second_copy_foreign"
    sentence = Text(
        "{where} 是另一块磁盘 ({found}), 不是登记的第二份副本 {known}",
        "At {where} is another disk ({found}), not the second copy commissioned, {known}",
    )
    remedy = Text(
        "换回登记的磁盘; 确需更换时运行 muster-agent commission --second-copy --replace",
        "Put the right disk back; if it was replaced for good run "
        "muster-agent commission --second-copy --replace",
    )


class SecondCopyMisplacedError(SecondCopyError):
    """The second copy would be on the archive's own file system, or on the system's."""

    code = "second_copy_misplaced"
    sentence = Text(
        "{where} 在资料库所在或系统所在的磁盘上, 不能作第二份副本",
        "{where} is on the archive's own disk or the system's; that is no second copy",
    )
    remedy = Text(
        "挂载另一块磁盘或网络存储, 核对 station.toml 的 [second_copy]",
        "Mount another disk or a share there; see [second_copy] in station.toml",
    )


class SecondCopyFailingError(SecondCopyError):
    """The second copy's disk gives errors, or does not hold what was written."""

    code = "second_copy_failing"
    sentence = Text("第二份副本的磁盘出错: {reason}", "The second copy's disk fails: {reason}")
    remedy = Text(
        "检查该磁盘或网络存储; 恢复后自动补齐",
        "Have that disk or share checked; what is owed follows by itself",
    )


class SecondCopyFullError(SecondCopyError):
    """The second copy's disk has no room beside what is kept free."""

    code = "second_copy_full"
    sentence = Text(
        "第二份副本的磁盘剩余 {free_gb} GB, 放不下所欠的文件 (保留 {limit_gb} GB)",
        "The second copy's disk has {free_gb} GB left, too little for what is owed "
        "({limit_gb} GB stay free)",
    )
    remedy = Text("扩充该磁盘, 然后自动补齐", "Make room there; what is owed follows by itself")
