"""An Ambarella recorder on the wire: texts over a pair of bulk endpoints."""

from .attext import AtTextRecorder
from .faults import SilentError


class AmbaAscii(AtTextRecorder):
    """Endpoint 0x01 takes a text, endpoint 0x81 gives the answer."""

    def __init__(self, number="AMB7788", **more):
        super().__init__(number, **more)
        self.answers = []

    def bulk(self, endpoint, payload, size):
        """Take a text on the way out; give the oldest answer on the way in."""
        if not endpoint & 0x80:
            if answer := self.hear(payload):
                self.answers.append(answer)
            return b""
        if not self.answers:
            raise SilentError
        return self.answer(self.answers.pop(0), size)

    def on_ver(self, length="", password=""):
        self.is_logged_in = (length, password) == (str(len(self.password)), self.password)
        return "@Ver;OK;#" if self.is_logged_in else "@Ver;ERROR;#"

    def on_gdv(self, *_):
        is_told = self.is_logged_in and self.mode == "command"
        return f"@Gdv;8;{self.number};#" if is_told else "@Gdv;ERROR;#"

    def on_sdt(self, _, date):
        self.date = date
        return "@Sdt;OK;#"

    def on_stm(self, _, time):
        self.time = time
        return "@Stm;OK;#"

    def on_ath(self, *_):
        if self.fault != "recording":
            self.mode = "disk" if self.mode == "command" else "command"
        return ""
