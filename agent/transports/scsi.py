"""SCSI commands to a recorder in command mode.

How one is sent is `agent.mounter.scsi`'s (SG_IO, from a closed list); here is what came of it. Who
sends is the root helper where the agent is not root itself: whoever may open such a node may send
it any command, so the node is root's.
"""

import errno
import time
from collections.abc import Callable
from pathlib import Path

from agent.core.dialogue import Pause, Request, ScsiRead, ScsiWrite
from agent.mounter.scsi import SECONDS_MAX, Command, Outcome, ScsiError, send
from contracts.errors import MountError, NoAnswerError, RecorderGoneError, TransportError

Send = Callable[[Path, Command], Outcome]
_GOOD, _CHECK_CONDITION = 0x00, 0x02
_UNIT_ATTENTION = 0x06  # said once after a reset, in place of what was asked
_HOST_GONE = frozenset({0x01, 0x04})  # DID_NO_CONNECT, DID_BAD_TARGET
_HOST_TIME_OUT = 0x03
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOENT})
_SENSE_BYTES = 18


class Scsi:
    """Carries `ScsiRead`, `ScsiWrite` and `Pause` to one generic SCSI node."""

    def __init__(self, node: Path, send: Send) -> None:
        self._node = node
        self._send = send

    def ask(self, request: Request) -> bytes:
        """Carry one command out and return what it read.

        Raises:
            NoAnswerError: it was refused, or took longer than the request's seconds.
            RecorderGoneError: it was pulled out.
            TransportError: it may not be sent.
        """
        if isinstance(request, Pause):
            time.sleep(request.seconds)
            return b""
        if not isinstance(request, ScsiRead | ScsiWrite):
            raise self._unusable(f"no {type(request).__name__}")
        outcome = self._carry(request)
        if _key(outcome) == _UNIT_ATTENTION:
            outcome = self._carry(request)
        return _judged(outcome, type(request).__name__)

    def close(self) -> None:
        """Do nothing: each command opens the node for itself."""

    def _carry(self, request: ScsiRead | ScsiWrite) -> Outcome:
        payload = request.payload if isinstance(request, ScsiWrite) else b""
        size = request.size if isinstance(request, ScsiRead) else 0
        command = Command(request.cdb, payload, size, min(request.seconds, SECONDS_MAX))
        try:
            return self._send(self._node, command)
        except OSError as error:
            if error.errno in _GONE:
                raise RecorderGoneError from error
            raise self._unusable(str(error)) from error
        except (ScsiError, MountError) as error:
            if not self._node.exists():
                raise RecorderGoneError from error
            raise self._unusable(str(error)) from error

    def _unusable(self, reason: str) -> TransportError:
        return TransportError(node=str(self._node), reason=reason)


def open_scsi(node: Path, send: Send = send) -> Scsi:
    """Open the way to a generic SCSI node (/dev/sg…).

    Raises:
        RecorderGoneError: it is not there any more.
    """
    if not node.exists():
        raise RecorderGoneError
    return Scsi(node, send)


def _judged(outcome: Outcome, name: str) -> bytes:
    if outcome.host in _HOST_GONE:
        raise RecorderGoneError
    if outcome.host == _HOST_TIME_OUT:
        raise NoAnswerError(request=name, reason="超时 / timed out")
    if outcome.host or outcome.status != _GOOD:
        told = f"host {outcome.host:#04x}, status {outcome.status:#04x}, sense {_sense(outcome)}"
        raise NoAnswerError(request=name, reason=told)
    return outcome.data


def _key(outcome: Outcome) -> int | None:
    is_told = outcome.status == _CHECK_CONDITION and outcome.sense
    return _sensed(outcome.sense)[0] if is_told else None


def _sense(outcome: Outcome) -> str:
    key, code, qualifier = _sensed(outcome.sense)
    return f"{key:x}/{code:02x}/{qualifier:02x}"


def _sensed(sense: bytes) -> tuple[int, int, int]:
    """Return sense key, additional code and qualifier (SPC-3, 4.5.2 and 4.5.3), 0 where missing."""
    full = sense.ljust(_SENSE_BYTES, b"\0")
    is_descriptor = full[0] & 0x7F in (0x72, 0x73)  # response codes
    at = (1, 2, 3) if is_descriptor else (2, 12, 13)
    return full[at[0]] & 0x0F, full[at[1]], full[at[2]]
