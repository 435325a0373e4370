"""A Jieli DV16 recorder on the wire: vendor SCSI commands."""

from .faults import Mouth, RefusedError

INQUIRY = b"\x00\x80\x02\x02\x1f\0\0\0DV16    DEVICE          V1.0"
OK, FAILED = bytes(4), b"\x01\0\0\0"


class Jieli(Mouth):
    """Keeps how the last command went, as it is asked for after each."""

    def __init__(self, number="JL00042", *, battery=55, fault=None):
        super().__init__(fault)
        self.model = "JLDV16"
        self.number = number
        self.battery = battery
        self.has_card = True
        self.clock = None
        self.mode = "command"
        self.is_open = False
        self.status = OK
        self.said = []

    def scsi(self, cdb, payload, size):
        """Carry out one SCSI command and return what it reads."""
        if cdb[0] == 0x12:
            return INQUIRY[:size]
        way = cdb[:2]
        if way not in (b"\xfd\x81", b"\xfb\x82") or len(cdb) != 16:
            raise RefusedError
        self.said.append(cdb[5])
        if way == b"\xfb\x82":
            self._order(cdb[5], payload)
            return b""
        return self.answer(self._told(cdb[5]), size)

    def _told(self, command):
        if command == 14:
            return self.status
        told = {
            2: self.model.encode(),
            3: self._about(),
            8: self.battery.to_bytes(4, "little", signed=self.battery < 0),
            12: bytes((int(self.has_card), 0, 0, 0)),
            13: b"000000".ljust(16, b"\0"),  # which nobody may ask for
        }.get(command)
        self.status = OK if self.is_open and told is not None else FAILED
        return told or b""

    def _about(self):
        fields = ((self.number, 7), ("012345", 6), ("张三", 32), ("110000", 12), ("派出所", 32))
        return b"".join(text.encode("gbk").ljust(size, b"\0") for text, size in fields)

    def _order(self, command, payload):
        self.status = OK
        if command == 1:
            self.is_open = True
        elif command == 5 and len(payload) == 7:
            self.clock = (int.from_bytes(payload[:2], "little"), *payload[2:])
        elif command == 6 and self.fault != "recording":
            self.mode = "disk"
        else:
            self.status = FAILED
