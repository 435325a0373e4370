"""Errors of the ledger and its proofs."""

from contracts.errors.roots import LedgerError
from contracts.text import Text


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
    """The ledger in a folder is shorter than, or different from, what was signed.

    `evidence`, where given, is the two notes that contradict one another.
    """

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


class LedgerNewerError(LedgerError):
    """A newer version of the program has written this ledger; this one must not touch it."""

    code = "ledger_newer"
    sentence = Text(
        "台账 {where} 由更新的版本写入 (结构版本 {found}, 本程序只到 {known})",
        "The ledger in {where} was written by a newer version (schema {found}, not {known})",
    )
    remedy = Text(
        "重新安装写入它的版本或更新的版本; 台账不能降级",
        "Install the version that wrote it, or a newer one; a ledger is never taken back",
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


class IndexDamagedError(LedgerError):
    """What the index stored of a station is not what the station signed."""

    code = "index_damaged"
    sentence = Text(
        "中心索引中采集站 {station} 的数据与其签名不符: {what}",
        "What the index holds of station {station} is not what was signed: {what}",
    )
    remedy = Text(
        "保全数据库并运行 muster-index verify; 恢复备份后采集站会自动补传",
        "Secure the database and run muster-index verify; after restoring a backup the stations "
        "send again what is missing",
    )
