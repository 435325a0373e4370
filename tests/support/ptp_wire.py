"""A transport whose other end is an emulated PTP recorder."""

from agent.core.dialogue import BulkRead, BulkWrite, ControlRead, ControlWrite, Pause
from contracts.errors import NoAnswerError, RecorderGoneError
from tests.support.emulators.ptp_usb import INTO, OUT, Plug


class Wire:
    """Carries requests to a plug; silence is an answer that does not come, without waiting."""

    def __init__(self, plug: Plug) -> None:
        self.plug = plug
        self.is_closed = False
        self.asked = []

    def ask(self, request):
        """Carry one request out."""
        self.asked.append(request)
        if self.plug.is_out:
            raise RecorderGoneError
        match request:
            case BulkWrite(endpoint, payload):
                assert endpoint == OUT
                self.plug.out(payload)
                return b""
            case BulkRead(endpoint, size):
                assert endpoint == INTO
                answer = self.plug.into(size)
            case ControlRead(kind, number, value, _, size):
                answer = self.plug.control(kind, number, value, size)
            case ControlWrite(kind, number, value):
                answer = self.plug.control(kind, number, value, 0)
            case Pause():
                return b""
        if answer is None:
            raise NoAnswerError(request=type(request).__name__, reason="silence")
        return answer

    def close(self):
        """Let go of the plug."""
        self.is_closed = True
