"""A line to an emulator in the same process: what a transport owes, without a port."""

from agent.core.dialogue import Hear, Pause, Say, Tune, converse
from contracts.errors import NoAnswerError


class Wire:
    """Carries `Say` and `Hear` to whatever has a `line(bytes) -> bytes`."""

    def __init__(self, device, heard=b""):
        self.device = device
        self._heard = heard

    def ask(self, request):
        """Do as a line would do whose other end answers at once or never."""
        match request:
            case Say(payload):
                self._heard = self.device.line(payload)
            case Hear():
                return self._hear(request)
            case Tune(baud):
                self.device.tune(baud)
            case Pause():
                pass
        return b""

    def close(self):
        """There is nothing to close."""

    def _hear(self, request):
        end = self._end(request)
        if end is None or end > request.size_max:
            raise NoAnswerError(request="wire", reason="silent")
        heard, self._heard = self._heard[:end], self._heard[end:]
        return heard

    def _end(self, request):
        if request.until is not None:
            at = self._heard.find(request.until)
            return None if at < 0 else at + len(request.until)
        if request.size is not None:
            return request.size if len(self._heard) >= request.size else None
        return len(self._heard) or None


class Says:
    """A device that says the same, whatever it hears."""

    def __init__(self, said):
        self.said = said

    def line(self, payload):
        """Say it."""
        return self.said

    def tune(self, baud):
        """Say it at any speed."""


def held(dialogue, device):
    """Hold a dialogue with a device."""
    return converse(dialogue, Wire(device))


def overheard(dialogue, said):
    """Hold a dialogue that says nothing with a line that says this by itself."""
    return converse(dialogue, Wire(Says(b""), said))
