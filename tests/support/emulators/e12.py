"""An E12 recorder: frames of GBK text in, frames out. Standard library only."""

FIELDS = (("number", 7), ("police", 6), ("person", 32), ("unit", 12), ("unit_name", 32))
WORKING = b"E12DATR880"


class E12:
    """The recorder's side of the line.

    Faults: `is_silent`; `workings` is how often it says that it is at work before it answers;
    `refuses` are the requests that fail; `lies_of_length` is added to the length of each answer.
    """

    def __init__(self, *, order="little", battery="87", clock="2026-11-22 18:00:05"):
        self.order = order
        self.battery, self.clock, self.model = battery, clock, "ABCDE"
        self.number, self.police, self.person = "DSJ0001", "000000", "示例甲"
        self.unit, self.unit_name = "0001", "示例单位"
        self.is_disk = self.is_silent = False
        self.workings, self.lies_of_length = 1, 0
        self.refuses = set()
        self.heard = []
        self._pending = b""
        self._is_told_the_time = False

    def line(self, said):
        """Take bytes from the host and return what the recorder answers."""
        self._pending += said
        answers = b""
        while len(self._pending) >= 4:
            size = int.from_bytes(self._pending[:4], self.order)
            if len(self._pending) < 4 + size:
                break
            frame, self._pending = self._pending[4 : 4 + size], self._pending[4 + size :]
            answers += self._answered(frame.decode("gbk"))
        return b"" if self.is_silent else answers

    def _answered(self, request):
        self.heard.append(request)
        if self._is_told_the_time:
            self._is_told_the_time = False
            return self._time_told(request)
        working = self._framed(WORKING) * self.workings
        if request == "E12CMDS003":
            self._is_told_the_time = True
            return working
        answer = ANSWERS.get(request)
        if answer is None:
            return b""
        succeeded, failed = answer
        return working + self._framed(failed if request in self.refuses else succeeded(self))

    def _time_told(self, told):
        if "E12CMDS003" in self.refuses:
            return self._framed(b"E12DATR000")
        self.clock = told
        return self._framed(b"E12DATR001")

    def _info(self):
        told = (
            getattr(self, field).encode("gbk")[:size].ljust(size, b"\0") for field, size in FIELDS
        )
        return b"".join(told)

    def _to_disk(self):
        self.is_disk = True
        return b"E12DATR011"

    def _framed(self, payload):
        return (len(payload) + self.lies_of_length).to_bytes(4, self.order) + payload


ANSWERS = {
    "E12CMDS004": (E12._info, b"E12DATR120"),
    "E12CMDS007": (lambda device: device.battery.encode(), b"E12DATR140"),
    "E12CMDS008": (E12._to_disk, b"E12DATR010"),
    "E12CMDS009": (lambda device: device.model.encode(), b"E12DATR150"),
    "E12CMDN030": (lambda device: device.clock.encode(), b"E12DATR050"),
}
