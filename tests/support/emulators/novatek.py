"""A Novatek recorder on the wire: texts in vendor SCSI commands."""

from .attext import AtTextRecorder
from .faults import RefusedError

INQUIRY = b"\x00\x80\x02\x02\x1f\0\0\0NOVATEK NTK96550 BodyCam1.00"
VENDOR = bytes((0xC5, 0x07, 0, 0, 0, 0, 0, 0, 0))


class Novatek(AtTextRecorder):
    """Answers a text once all that the maker's tool reads before it was read, in its order."""

    ORDER = ("s4", "s4", "s6", "s4", "s3", "s3", "s5", "t1", "s4", "s4", "t2")

    def __init__(self, number="DSJ0042", *, user="012345", **more):
        super().__init__(number, **more)
        self.user = user
        self.pending = b""
        self.read = []

    def scsi(self, cdb, payload, size):
        """Carry out one SCSI command and return what it reads."""
        if cdb[0] == 0x12:
            return INQUIRY[:size]
        if not cdb.startswith(VENDOR) or len(cdb) != 16:
            raise RefusedError
        if cdb[10:13] == b"\x02\x03\x01":
            return self._listen(payload[: cdb[9]])
        return self._tell(cdb, size)

    def on_ver(self, login=""):
        self.is_logged_in = login == f"{len(self.password)}{self.password}"
        return "@Ver:OKONCE" if self.is_logged_in else "@Ver:ERROR"

    def on_battery(self):
        return f"@BATTERY#{self.battery:03d}" if self.is_logged_in else ""

    def on_getdriveid(self):
        return f"@DriveID#{self.number}" if self.is_logged_in else ""

    def on_getuserid(self):
        return f"@UserID#{self.user}" if self.is_logged_in else ""

    def on_ner(self, login=""):
        if self.fault != "recording" and login == f"{len(self.password)}{self.password}":
            self.mode = "disk"
        return ""

    def _listen(self, text):
        self.pending, self.read = self.hear(text), []
        return b""

    def _tell(self, cdb, size):
        self.read.append(f"s{cdb[11]}" if cdb[10] == 0xFF else f"t{cdb[11]}")
        is_text = tuple(self.read) == self.ORDER
        return self.answer(self.pending.ljust(size, b"\0") if is_text else bytes(size), size)
