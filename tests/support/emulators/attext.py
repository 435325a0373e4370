"""A recorder that is spoken with in `@` texts, whatever carries them: what it says to each."""

import re

from .faults import Mouth

FACTORY = "00000000"


class AtTextRecorder(Mouth):
    """State, and the answer to one text; a dialect's emulator gives the marks and the carrier."""

    def __init__(self, number, *, battery=87, password=FACTORY, fault=None):
        super().__init__(fault)
        self.number = number
        self.battery = battery
        self.password = password if fault != "wrong_password" else "83019472"
        self.date = self.time = None
        self.mode = "command"
        self.is_logged_in = False
        self.said = []

    def hear(self, text):
        """Take one text and return its answer, empty where it has none."""
        self.said.append(text)
        fields = [field for field in re.split(b"[;#]", text.lstrip(b"@")) if field]
        verb, rest = fields[0].decode("ascii", "replace"), [f.decode("gbk") for f in fields[1:]]
        answer = getattr(self, f"on_{verb.lower()}", None)
        return answer(*rest).encode("gbk") if answer else b""
