"""The states of a dock, with the words shown for them."""

from enum import StrEnum

from contracts.text import Text


class DockState(StrEnum):
    """Where one dock is in the life of a docked recorder."""

    EMPTY = "empty"
    IDENTIFYING = "identifying"
    ASKING = "asking"
    SWITCHING = "switching"
    CHECKING = "checking"
    COPYING = "copying"
    READY = "ready"
    ATTENTION = "attention"
    CLEARING = "clearing"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def word(self) -> Text:
        """The one big word on the tile."""
        return _WORDS[self]


_WORDS = {
    DockState.EMPTY: Text("空", "Empty"),
    DockState.IDENTIFYING: Text("识别中", "Identifying"),
    DockState.ASKING: Text("正在询问", "Asking"),
    DockState.SWITCHING: Text("切换为U盘", "Switching"),
    DockState.CHECKING: Text("检查中", "Checking"),
    DockState.COPYING: Text("采集中", "Importing"),
    DockState.READY: Text("完成可领用", "Ready"),
    DockState.ATTENTION: Text("请注意", "Attention"),
    DockState.CLEARING: Text("正在清空", "Clearing"),
    DockState.REFUSED: Text("未登记, 已拒绝", "Refused"),
    DockState.FAILED: Text("错误", "Error"),
}
