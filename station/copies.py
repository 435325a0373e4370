"""Words for the entries about the second copy."""

from contracts.text import Text
from station.words import Words

HAS_COPY = Text(
    "; 第二份副本中有证实过的一份, 可用 muster-agent restore 恢复",
    "; the second copy has it, proven: muster-agent restore brings it back",
)
COPIES: dict[str, Words] = {
    "copy.commissioned": Words(
        Text("登记第二份副本", "Second copy commissioned"),
        Text(
            "登记 {fact.path} 为第二份副本的磁盘, {size[total_bytes]}",
            "The disk at {fact.path}, {size[total_bytes]}, became the second copy's",
        ),
        (
            ("by", Text(", {who[by]} 登记", ", by order of {who[by]}")),
            ("replaces", Text(", 替换原磁盘", ", in place of another")),
            ("reason", Text(": {fact.reason}", ": {fact.reason}")),
        ),
    ),
    "copy.faulted": Words(
        Text("第二份副本故障", "Second copy fault"), Text("{fact.zh}", "{fact.en}")
    ),
    "copy.recovered": Words(
        Text("第二份副本恢复", "Second copy recovered"),
        Text(
            "第二份副本的故障已解除: {term[code]}",
            "The fault of the second copy is over: {term[code]}",
        ),
    ),
    "footage.copied": Words(
        Text("已有第二份副本", "Copied a second time"),
        Text(
            "{number[sha256s]} 个文件已写入第二份副本并从其介质读回核对, {size[total_bytes]}",
            "{number[sha256s]} file(s), {size[total_bytes]}, are on the second copy, read back "
            "from its medium",
        ),
    ),
    "copy.damaged": Words(
        Text("第二份副本受损", "Second copy damaged"),
        Text(
            "第二份副本中的文件 {short[sha256]}… 受损, 原样保留; 将从资料库重新复制",
            "The file {short[sha256]}… on the second copy is damaged and kept as it is; it will be "
            "copied anew from the archive",
        ),
        (("reason", Text(": {told[reason]}", ": {told[reason]}")),),
    ),
    "copy.missing": Words(
        Text("第二份副本缺失", "Second copy missing"),
        Text(
            "第二份副本中没有文件 {short[sha256]}…; 将从资料库重新复制",
            "The file {short[sha256]}… is not on the second copy; it will be copied anew from the "
            "archive",
        ),
    ),
    "copy.scrubbed": Words(
        Text("第二份副本校验", "Second copy scrubbed"),
        Text(
            "第二份副本校验完成: 应有 {fact.counts.expected} 个文件 = 完好 {fact.counts.intact} + "
            "受损 {fact.counts.damaged} + 缺失 {fact.counts.missing}",
            "The whole second copy was read: {fact.counts.expected} expected = "
            "{fact.counts.intact} intact + {fact.counts.damaged} damaged + "
            "{fact.counts.missing} missing",
        ),
    ),
    "footage.restored": Words(
        Text("从第二份副本恢复", "Restored from the second copy"),
        Text(
            "{who[by]} 从第二份副本恢复了库中文件 {short[sha256]}… (记录仪 {fact.recorder}): "
            "{fact.reason}",
            "{who[by]} had the archived file {short[sha256]}… of recorder {fact.recorder} brought "
            "back from the second copy: {fact.reason}",
        ),
        (("kept", Text("; 受损的另存于 {fact.kept}", "; the damaged one is kept as {fact.kept}")),),
    ),
}
