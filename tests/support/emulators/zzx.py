"""A ZZX recorder: lines of JSON in, lines of JSON out. Standard library only."""

import json

DEVICE = "ZZX2080"
PASSWORD = "314159"  # noqa: S105


class Zzx:
    """The recorder's side of the line. `clock_ms` is its clock, counted from 1970 UTC.

    Faults: `is_silent`; `garbage` is said before every answer; `is_halved` ends each answer in its
    middle; `is_recording` refuses the U-disk.
    """

    def __init__(self, *, password=PASSWORD, clock_ms=1795341600000, battery=87):
        self.password = password
        self.clock_ms = clock_ms
        self.battery = battery
        self.free_mib, self.total_mib = 20480, 30436
        self.number, self.model = "DSJ0001", "byand"
        self.is_disk = self.is_recording = self.is_silent = self.is_halved = False
        self.garbage = b""
        self.heard = []
        self._pending = b""

    def tune(self, baud):
        """It has no speed."""

    def line(self, said):
        """Take bytes from the host and return what the recorder answers."""
        self._pending += said
        *lines, self._pending = self._pending.split(b"\n")
        return b"".join(self._answered(line) for line in lines)

    def _answered(self, line):
        start = line.find(b"{")
        request = json.loads(line[max(start, 0) :])
        number, body = int(request["header"]["id"]), request["body"]
        self.heard.append(number)
        header = {"version": "1.0", "id": number, "device": DEVICE}
        answer = json.dumps({"header": header, "body": self._body(number, body)}) + "\r\n"
        said = b"" if self.is_silent else self.garbage + answer.encode()
        return said[: len(said) // 2] if self.is_halved else said

    def _body(self, number, body):
        if number in (1, 2):
            return {"IDCode": self.model}
        if body.get("password") != self.password:
            return {"password": "false"}
        return {"password": "true", **ANSWERS[number](self, body)}

    def _info(self, body):
        return {
            "serial": self.number, "policeNo": "000000", "policeName": "000000",
            "groupNo": "000000", "groupName": "",
        }  # fmt: skip

    def _set_time(self, body):
        self.clock_ms = int(body["Time"])
        return {"Result": "true"}

    def _to_disk(self, body):
        self.is_disk = not self.is_recording
        return {"Result": str(self.is_disk).lower()}

    def _told_battery(self, body):
        return {"battery": str(self.battery)}

    def _told_time(self, body):
        return {"Time": str(self.clock_ms // 1000), "Result": "true"}

    def _told_storage(self, body):
        return {"free": str(self.free_mib), "total": str(self.total_mib), "Result": "true"}


ANSWERS = {
    3: Zzx._info,
    5: Zzx._set_time,
    6: Zzx._to_disk,
    8: Zzx._told_battery,
    16: Zzx._told_time,
    18: Zzx._told_storage,
}
