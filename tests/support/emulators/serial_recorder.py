"""Recorders and dock hardware on a serial line, made up for the tests: there is no standard.

Four of them: requests as text with a checksum, requests as bytes with a length and a CRC, a board
that measures a charge current, a reader of badges that speaks by itself. Standard library only.
"""


def xor8(said):
    """The checksum of NMEA sentences."""
    value = 0
    for byte in said:
        value ^= byte
    return value


def crc16_modbus(said):
    """The checksum of Modbus RTU."""
    value = 0xFFFF
    for byte in said:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


class OnALine:
    """What they have in common: a speed, and faults.

    At another speed than its own it hears and says noise. `garbage` is said before each answer;
    `is_silent`; `is_halved`; `is_damaged` spoils a byte of each answer; `mutes` are answers it
    leaves out before it says one.
    """

    def __init__(self, baud=9600):
        self.baud = baud
        self.garbage = b""
        self.is_silent = self.is_halved = self.is_damaged = False
        self.mutes = 0
        self.heard = []
        self._host_baud = baud
        self._pending = b""

    def tune(self, baud):
        """The host goes on at this speed."""
        self._host_baud = baud

    def line(self, said):
        """Take bytes from the host and return what is answered."""
        if self._host_baud != self.baud:
            return bytes(byte ^ 0xA5 for byte in said)
        self._pending += said
        return b"".join(self._spoilt(self.framed(answer)) for answer in self.answers())

    def _spoilt(self, said):
        if self.is_silent:
            return b""
        if self.mutes:
            self.mutes -= 1
            return b""
        if self.is_damaged:
            middle = len(said) // 2
            said = said[:middle] + bytes([said[middle] ^ 1]) + said[middle + 1 :]
        return self.garbage + (said[: len(said) // 2] if self.is_halved else said)


class TextRecorder(OnALine):
    """A recorder: `$TEXT*hh` and CR LF, hh being the XOR of TEXT."""

    def __init__(self, baud=9600):
        super().__init__(baud)
        self.battery, self.clock = 87, "20261122183005"
        self.is_disk = False

    def framed(self, text):
        """Put a text into a frame."""
        return b"$%s*%02X\r\n" % (text, xor8(text))

    def answers(self):
        """Yield the answer to each whole request."""
        *frames, self._pending = self._pending.split(b"\r\n")
        for frame in frames:
            text, _, check = frame.removeprefix(b"$").rpartition(b"*")
            if check == b"%02X" % xor8(text):
                self.heard.append(text)
                yield self._answer(text.decode())

    def _answer(self, text):
        if text.startswith("TIME="):
            self.clock = text.removeprefix("TIME=")
            return b"TIME=OK"
        if text == "UDISK":
            self.is_disk = True
            return b"UDISK=OK"
        told = {
            "VER?": "VER=DSJ1.2",
            "ID?": "ID=DSJ0001,BWC0000123,V1",
            "BAT?": f"BAT={self.battery}%",
            "TIME?": f"TIME={self.clock}",
            "DISK?": "DISK=20480,30436",
        }
        return told.get(text, "ERR").encode()


class ByteRecorder(OnALine):
    """A recorder: AA 55, a command, a length, so many bytes, CRC-16 of Modbus, low byte first."""

    def __init__(self, baud=115200):
        super().__init__(baud)
        self.battery = 87
        self.clock = bytes.fromhex("07ea0b16121e05")
        self.is_disk = False

    def framed(self, payload):
        """Put a command and its bytes into a frame."""
        body = payload[:1] + bytes([len(payload) - 1]) + payload[1:]
        return b"\xaa\x55" + body + crc16_modbus(body).to_bytes(2, "little")

    def answers(self):
        """Yield the answer to each whole request."""
        while len(self._pending) >= 6:
            size = 6 + self._pending[3]
            frame, self._pending = self._pending[:size], self._pending[size:]
            body, check = frame[2:-2], frame[-2:]
            if check == crc16_modbus(body).to_bytes(2, "little"):
                self.heard.append(frame)
                yield bytes([body[0] | 0x80]) + self._answer(body[0], body[2:])

    def _answer(self, command, told):
        if command == 5:
            self.clock = told
        if command == 7:
            self.is_disk = True
        answers = {
            2: b"DSJ0001",
            3: bytes([self.battery]),
            4: self.clock,
            6: (20480).to_bytes(4, "big") + (30436).to_bytes(4, "big"),
        }
        return answers.get(command, b"\0")


class ChargeBoard(OnALine):
    """A board in a dock that tells the charge current: lines of text, no checksum."""

    def __init__(self, baud=115200):
        super().__init__(baud)
        self.milliamperes = 512

    def framed(self, text):
        """End a line."""
        return text + b"\r\n"

    def answers(self):
        """Yield the answer to each whole line."""
        *lines, self._pending = self._pending.split(b"\r\n")
        for line in lines:
            self.heard.append(line)
            yield {b"*IDN?": b"CHARGE-1", b"CURR?": b"%d mA" % self.milliamperes}.get(line, b"?")


class BadgeReader(OnALine):
    """A reader of badges: STX, ten digits, ETX, when a badge is shown; it takes no requests."""

    def framed(self, text):
        """Put a badge's number into a frame."""
        return b"\x02" + text + b"\x03"

    def answers(self):
        """It never answers."""
        return ()

    def shown(self, number):
        """Return what the line carries when this badge is shown."""
        return self.framed(number.encode())
