"""An Ambarella recorder on the wire: commands in USB control transfers."""

from .faults import Mouth, RefusedError, SilentError

FACTORY = "000000"
HEAD = bytes.fromhex("a1b2c3d400")


class AmbaControl(Mouth):
    """Takes a message in a vendor request out and gives its answer in the next one in."""

    def __init__(self, number="CAM0001", *, battery=64, password=FACTORY, fault=None):
        super().__init__(fault)
        self.number = number
        self.user = "张三"
        self.battery = battery
        self.password = password if fault != "wrong_password" else "830194"
        self.clock = None
        self.mode = "command"
        self.pending = None
        self.said = []

    def control(self, setup, payload):
        """Carry out the request of a setup packet (type, request, value, index, size)."""
        request_type, request, value, _, size = setup
        if request != 0x55 or request_type not in (0x40, 0xC0):
            raise RefusedError
        if request_type == 0x40:
            if value != 0xAA or not payload.startswith(HEAD) or len(payload) < 9:
                raise RefusedError
            self.pending = payload
            return b""
        if self.pending is None:
            raise SilentError
        message, self.pending = self.pending, None
        return self.answer(self._reply(message), size)

    def _reply(self, message):
        command, data = bytes(message[5:8]), bytes(message[9:])
        self.said.append(command)
        told = self._do(command, data)
        code = 0x80 if told is not None else 0x81
        reply = HEAD + bytes((command[0], code, command[2], 0)) + (told or b"")
        return reply.ljust(len(message), b"\0")[: len(message)]

    def _do(self, command, data):
        """Return the data of the answer, None to refuse."""
        known = {
            "e10020": lambda: b"ABCDE",
            "e10011": lambda: b"" if data == self.password.encode() else None,
            "e10030": self._camera,
            "e10070": lambda: bytes((self.battery,)),
            "e10041": lambda: self._set(data),
            "e10051": self._leave,
        }
        return known.get(command.hex(), lambda: None)()

    def _camera(self):
        fields = ((self.number, 9), ("012345", 8), (self.user, 35), ("110000", 16), ("派出所", 32))
        return b"".join(text.encode("gbk").ljust(size, b"\0") for text, size in fields)

    def _set(self, data):
        self.clock = (int.from_bytes(data[:2], "big"), *data[2:7])
        return data

    def _leave(self):
        if self.fault == "recording":
            return None
        self.mode = "disk"
        return b""
