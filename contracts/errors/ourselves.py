"""Errors of ours."""

from contracts.errors.roots import InternalError
from contracts.text import Text


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
