"""Errors of the broker, the network and the index."""

from contracts.errors.roots import UplinkError
from contracts.text import Text


class BrokerRefusedError(UplinkError):
    """The broker's rules do not let this station say what it must."""

    code = "broker_refused"
    sentence = Text("消息服务器拒绝本站的消息: {reason}", "The broker refuses us: {reason}")
    remedy = Text(
        "检查消息服务器的访问规则; 台账保留在本站, 恢复后自动上报",
        "Check the broker's access rules; the ledger is kept here and is sent when they allow it",
    )


class IndexStoreError(UplinkError):
    """The index's database cannot be opened, read or written."""

    code = "index_store"
    sentence = Text(
        "中心索引数据库 {where} 无法读写: {what}", "The index's database {where} fails: {what}"
    )
    remedy = Text(
        "检查数据库服务, 磁盘空间和权限; 采集站会自动补传, 数据不会丢失",
        "Check the database, space and permissions; stations send again and nothing is lost",
    )


class WitnessKeyDiffersError(UplinkError):
    """The index shows another key than the one this station has enrolled."""

    code = "witness_key_differs"
    sentence = Text(
        "中心出示的公钥不是本站登记的公钥: {shown}",
        "The index shows another key than the one enrolled here: {shown}",
    )
    remedy = Text(
        "向中心管理员核实; 属实则在设置中填写 witness_key, 不属实立即报告",
        "Ask the index's administrator; if it is theirs set witness_key, if not report it at once",
    )
