"""What verifying a ledger or a proof found wrong: a code, the entry it is about, and a detail."""

from dataclasses import dataclass

from contracts.text import Text


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be. `sequence` is the entry it is about, if it is one's."""

    code: str
    sequence: int | None = None
    detail: str = ""

    @property
    def sentence(self) -> Text:
        """What is wrong, in both languages."""
        return PROBLEMS[self.code].fill(sequence=self.sequence, detail=self.detail)

    def __str__(self) -> str:
        return f"{self.sentence} [{self.code}]"


PROBLEMS: dict[str, Text] = {
    # A ledger.
    "database_damaged": Text("数据库文件损坏: {detail}", "The database file is damaged: {detail}"),
    "schema_differs": Text(
        "数据库结构被改动: {detail}", "The database was changed by another hand: {detail}"
    ),
    "ledger_empty": Text("台账中没有记录", "The ledger has no entry"),
    "key_differs": Text(
        "台账的公钥不是所给的公钥: {detail}", "The ledger's key is not the key given: {detail}"
    ),
    "key_missing": Text(
        "第 {sequence} 条记录中没有公钥: {detail}",
        "Entry {sequence} does not name the key: {detail}",
    ),
    "entry_missing": Text("缺少记录 {detail}", "Missing: entry {detail}"),
    "entry_malformed": Text(
        "第 {sequence} 条记录的内容无效: {detail}", "Entry {sequence} is malformed: {detail}"
    ),
    "entry_misplaced": Text(
        "第 {sequence} 条记录的位置上是第 {detail} 条",
        "In place of entry {sequence} there is entry {detail}",
    ),
    "entry_foreign": Text(
        "第 {sequence} 条记录来自另一台账 {detail}",
        "Entry {sequence} is of another ledger, {detail}",
    ),
    "column_differs": Text(
        "第 {sequence} 条记录的 {detail} 列与内容不符",
        "Column {detail} of entry {sequence} is not what the entry says",
    ),
    "entry_changed": Text(
        "第 {sequence} 条记录被改动: 内容与登记的散列不符",
        "Entry {sequence} was changed: its bytes do not have the hash on record",
    ),
    "node_differs": Text(
        "第 {sequence} 条记录处的树节点 {detail} 不符",
        "Tree node {detail}, completed by entry {sequence}, is not what the entries give",
    ),
    "node_missing": Text(
        "第 {sequence} 条记录处缺少树节点 {detail}",
        "Tree node {detail}, completed by entry {sequence}, is missing",
    ),
    "node_surplus": Text("多出树节点: {detail}", "Tree nodes that no entry completes: {detail}"),
    "checkpoint_malformed": Text(
        "第 {sequence} 条记录处的校验点无效: {detail}",
        "The checkpoint at entry {sequence} is not valid: {detail}",
    ),
    "checkpoint_missing": Text(
        "最后一条记录 ({sequence}) 没有签名校验点",
        "There is no signed checkpoint at the last entry, {sequence}",
    ),
    "history_differs": Text(
        "第 {sequence} 条记录处的签名与记录不符: 记录 {detail} 中有改动",
        "The head signed at entry {sequence} is of other entries: among {detail} some were changed",
    ),
    "tail_missing": Text(
        "末尾缺失: 台账到第 {sequence} 条为止, 但签名到 {detail}",
        "The tail is missing: the ledger ends at entry {sequence}, but was signed up to {detail}",
    ),
    "head_missing": Text("缺少文件 {detail}", "File {detail} is missing"),
    "head_stale": Text(
        "文件 {detail} 停在第 {sequence} 条, 落后于数据库",
        "File {detail}, of entry {sequence}, is older than a crash could leave it",
    ),
    "head_unrecorded": Text(
        "文件 {detail} 中第 {sequence} 条处的签名不在数据库中",
        "What file {detail} holds, signed at entry {sequence}, is not on record in the database",
    ),
    "head_malformed": Text("文件无效: {detail}", "Not a valid file: {detail}"),
    "head_differs": Text(
        "文件 {detail} 签名的历史与第 {sequence} 条及以前的记录不符",
        "File {detail} holds a signed head of other entries than the first {sequence}",
    ),
    "footage_damaged": Text(
        "第 {sequence} 条记录的文件有误: {detail}", "The file of entry {sequence}: {detail}"
    ),
    "cosignature_wrong": Text(
        "第 {sequence} 条记录处的见证签名无效: {detail}",
        "The cosignature at entry {sequence} is not valid: {detail}",
    ),
    # A proof bundle.
    "bundle_malformed": Text("证明文件无效: {detail}", "Not a valid proof bundle: {detail}"),
    "file_differs": Text(
        "文件的 SHA-256 与第 {sequence} 条记录不符: 记录为 {detail}",
        "The file's SHA-256 is not the one in entry {sequence}, which says {detail}",
    ),
    "inclusion_wrong": Text(
        "第 {sequence} 条记录不在签名的台账中: {detail}",
        "Entry {sequence} is not in the ledger that was signed: {detail}",
    ),
    "signature_wrong": Text(
        "台账签名无效: {detail}", "The ledger's signature is not valid: {detail}"
    ),
    "witness_wrong": Text(
        "见证签名无效: {detail}", "The witness's cosignature is not valid: {detail}"
    ),
    "report_malformed": Text("分叉报告无效: {detail}", "Not a valid report of a fork: {detail}"),
    "fork_unproven": Text(
        "报告本身不能证明分叉: {detail}", "The report alone does not prove a fork: {detail}"
    ),
    "key_untrusted": Text(
        "公钥不在受信任的公钥之中: {detail}", "A key that is not among the trusted ones: {detail}"
    ),
    "origin_differs": Text(
        "第 {sequence} 条记录来自 {detail}, 与签名者不同",
        "Entry {sequence} is of {detail}, not of the ledger that signed",
    ),
}
