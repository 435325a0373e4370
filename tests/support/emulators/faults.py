"""What any emulated recorder may do wrong, and what it says when it does not answer."""

FAULTS = (
    "silent",  # nothing at all
    "garbage",  # bytes of no meaning
    "half",  # the first half of the answer
    "late",  # the answer to the request before
    "wrong_password",  # the password was changed
    "recording",  # it will not leave off recording
)


class SilentError(Exception):
    """Nothing comes back before the time is up."""


class RefusedError(Exception):
    """The device says no: a SCSI check condition, a USB stall."""


class Mouth:
    """Bends the answers of a recorder by its fault."""

    def __init__(self, fault=None):
        if fault not in (None, *FAULTS):
            raise ValueError(fault)
        self.fault = fault
        self._before = b""

    def answer(self, told, size):
        """Return what comes back in place of `told`, at most `size` bytes."""
        if self.fault == "silent":
            raise SilentError
        if self.fault == "garbage":
            return (b"\xff\x00\xa5\x81@;#" * (size // 7 + 1))[:size]
        if self.fault == "half":
            return told[: len(told) // 2]
        if self.fault == "late":
            told, self._before = self._before, told
        return told[:size]
