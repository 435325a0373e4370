"""Findings: the outcome of a check as data, with the words for it in one table."""

from dataclasses import dataclass
from typing import Literal

from contracts.text import Text

Severity = Literal["note", "warning", "blocking"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. A blocking finding bars issue until it is overridden with a reason."""

    code: str
    severity: Severity
    value: str | int | None = None
    limit: str | int | None = None

    @property
    def sentence(self) -> Text:
        """What was found, in both languages."""
        return FINDINGS[self.code][0].fill(value=self.value, limit=self.limit)

    @property
    def remedy(self) -> Text:
        """What to do next, in both languages."""
        return FINDINGS[self.code][1]


def blocks_issue(findings: tuple[Finding, ...]) -> bool:
    """Tell whether any finding bars the recorder from being issued."""
    return any(finding.severity == "blocking" for finding in findings)


FINDINGS: dict[str, tuple[Text, Text]] = {
    "battery_low": (
        Text(
            "电量 {value}%, 低于 {limit}%, 不足一个工作日",
            "Battery {value} %, below {limit} %: not enough for a working day",
        ),
        Text("留在工位充电", "Leave it in the dock to charge"),
    ),
    "battery_unknown": (
        Text("电量未知", "Battery unknown"),
        Text(
            "查看记录仪屏幕并在本机登记读数",
            "Look at the recorder's screen and enter what it shows",
        ),
    ),
    "clock_off": (
        Text("时钟偏差 {value} 秒, 超过 {limit} 秒", "Clock off by {value} s, more than {limit} s"),
        Text("校时后再领用", "Set the clock before it is issued"),
    ),
    "clock_unknown": (
        Text("时钟未知", "Clock unknown"),
        Text(
            "查看记录仪屏幕并在本机登记读数",
            "Look at the recorder's screen and enter what it shows",
        ),
    ),
    "station_clock_unsure": (
        Text(
            "采集站时钟未校时, 没有给记录仪校时",
            "The station's clock is not synchronised: the recorder's was not set from it",
        ),
        Text(
            "由管理员检查采集站的时间同步 (chronyd 或 systemd-timesyncd)",
            "The device manager sees to the station's time synchronisation (chronyd or timesyncd)",
        ),
    ),
    "default_password": (
        Text("记录仪仍用出厂密码", "The recorder still has its factory password"),
        Text("按厂家说明更改记录仪密码", "Change its password as the maker says"),
    ),
    "password_refused": (
        Text(
            "记录仪不接受配置的密码, 部分读数未知",
            "The recorder does not take the password it is known by; some readings are unknown",
        ),
        Text(
            "由管理员在记录仪型号配置中更正密码",
            "The device manager corrects the password in the model's profile",
        ),
    ),
    "storage_low": (
        Text("剩余空间 {value} MiB, 低于 {limit} MiB", "{value} MiB free, below {limit} MiB"),
        Text(
            "采集完成后按规定清理存储卡",
            "Have the card cleared as the rules say once its footage is imported",
        ),
    ),
    "storage_unknown": (
        Text("剩余空间未知", "Free space unknown"),
        Text("在记录仪上查看剩余空间", "Look it up on the recorder"),
    ),
    "card_errors": (
        Text("存储卡有 {value} 个文件读不出", "{value} file(s) on the card could not be read"),
        Text(
            "不要清空; 重新插入再试, 仍读不出则更换存储卡并送检",
            "Do not clear it; dock again, and have the card examined if it stays unreadable",
        ),
    ),
    "listing_failed": (
        Text("文件目录读取不完整: {value}", "The card's folders could not be listed: {value}"),
        Text("重新插入再试; 不要清空", "Dock again; do not clear the card"),
    ),
    "listing_changed": (
        Text(
            "采集期间存储卡内容有变化, 新增 {value} 项, 均已处理",
            "The card changed during the import; {value} new item(s), all dealt with",
        ),
        Text(
            "确认记录仪插入后停止录像",
            "See that the recorder stops recording when it is docked",
        ),
    ),
    "card_silent": (
        Text("存储卡自 {value} 起无响应", "The card has not answered since {value}"),
        Text(
            "拔出后重新插入; 再次发生则换工位, 仍无响应则送检",
            "Take it out and dock it again, then in another dock; if it goes on, have it examined",
        ),
    ),
    "files_refused": (
        Text(
            "{value} 个项目不是普通文件, 已拒收",
            "{value} item(s) are no regular files: refused",
        ),
        Text("由管理员查看台账中的清单", "The device manager looks at the list in the ledger"),
    ),
    "name_clash": (
        Text(
            "文件 {value} 与以前采集的同名文件内容不同, 两份都已保存",
            "File {value} differs from one of the same name imported before; both are kept",
        ),
        Text(
            "无需处理; 请核对记录仪时钟和编号",
            "Nothing is lost; check the recorder's clock and counter",
        ),
    ),
    "media_truncated": (
        Text("文件 {value} 不完整或已截断", "File {value} is cut short"),
        Text(
            "原样保存; 询问使用人中断原因", "Kept as it is; ask the wearer why it was interrupted"
        ),
    ),
    "media_unreadable": (
        Text("文件 {value} 无法解析", "File {value} could not be looked into"),
        Text("原样保存; 必要时送检", "Kept as it is; have it examined if it matters"),
    ),
    "media_unparsed": (
        Text("文件 {value} 未能检查内容", "What is in file {value} could not be examined"),
        Text("原样保存, 已校验; 原因见台账", "Kept and proven; the ledger says why it was not"),
    ),
    "clearing_failed": (
        Text("清空未完成: {value}", "Clearing was not finished: {value}"),
        Text(
            "所有文件均已采集并核验; 重新插入再试",
            "Every file is proven in the archive; dock it again",
        ),
    ),
    "clearing_unfinished": (
        Text(
            "上次清空中断: {limit} 个文件中还有 {value} 个",
            "The last clearing was cut off: {value} of {limit} file(s) are still there",
        ),
        Text("无需处理; 重新核对后再清空", "Nothing to do; everything is checked anew"),
    ),
    "in_repair": (
        Text("记录仪已停用: {value}", "The recorder is out of service: {value}"),
        Text(
            "由管理员在报修页恢复使用",
            "The device manager puts it back in service on the page Report a fault",
        ),
    ),
    "not_in_dock": (
        Text("记录仪不在工位, 未经检查", "The recorder is not in a dock and was not checked"),
        Text("插入工位检查后再领用", "Dock it so that it can be checked"),
    ),
    "being_cleared": (
        Text("正在清空", "Its card is being cleared"),
        Text("等待清空结束", "Wait until the clearing is done"),
    ),
    "import_unfinished": (
        Text("采集未完成", "Its footage is not imported yet"),
        Text("等待采集完成", "Wait until the import is done"),
    ),
}
