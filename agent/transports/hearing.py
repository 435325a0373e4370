"""What is heard on a line, cut into what was waited for; never more of it kept than was asked."""

import time
from collections.abc import Callable

from agent.core.dialogue import Hear
from contracts.errors import NoAnswerError

QUIET_SECONDS = 0.1  # so long a line says nothing after what is taken as an answer without an end
SHOWN_BYTES = 24
STALE_READS_MAX = 64


class Hearing:
    """The bytes of one line.

    `read` waits so many seconds for some, and returns a few KiB of them at most, or none.
    """

    def __init__(self, read: Callable[[float], bytes]) -> None:
        self._read = read
        self._heard = bytearray()

    def forget(self) -> None:
        """Drop what came before something is said: it answers nothing that is still to be asked.

        Raises:
            NoAnswerError: it does not end.
        """
        self._heard.clear()
        for _ in range(STALE_READS_MAX):
            if not self._read(0):
                return
        raise NoAnswerError(request="Say", reason="线路不停有数据 / the line never falls silent")

    def hear(self, request: Hear) -> bytes:
        """Wait for what is asked for and return it; what came after it stays.

        Raises:
            NoAnswerError: not within the request's seconds, or without an end.
        """
        until = time.monotonic() + request.seconds
        while (end := _end(self._heard, request)) is None:
            if len(self._heard) >= request.size_max:
                raise self._no_answer("没有结尾 / without an end")
            left = until - time.monotonic()
            if left <= 0:
                raise self._no_answer(f"{request.seconds:g} s")
            waits_for_quiet = bool(self._heard) and _is_open(request)
            came = self._read(min(left, QUIET_SECONDS) if waits_for_quiet else left)
            if waits_for_quiet and not came:
                end = len(self._heard)
                break
            self._heard += came
        said = bytes(self._heard[:end])
        del self._heard[:end]
        return said

    def _no_answer(self, why: str) -> NoAnswerError:
        shown = bytes(self._heard[:SHOWN_BYTES]).hex(" ") or "-"
        return NoAnswerError(request="Hear", reason=f"{why}; {len(self._heard)} B: {shown}")


def _is_open(request: Hear) -> bool:
    return request.until is None and request.size is None


def _end(heard: bytearray, request: Hear) -> int | None:
    """Return where the answer ends, if it is whole."""
    if request.until is not None:
        at = heard.find(request.until, 0, request.size_max)
        return None if at < 0 else at + len(request.until)
    if request.size is not None and len(heard) >= request.size <= request.size_max:
        return request.size
    return None
