"""A transport whose other end is an emulated recorder, without a port between."""

from agent.core.dialogue import (
    BulkRead,
    BulkWrite,
    Pause,
    ScsiRead,
    ScsiWrite,
)
from contracts.errors import NoAnswerError
from tests.support.emulators.faults import RefusedError, SilentError


class Emulated:
    """Carries requests to an emulator; `asked` keeps them in order."""

    def __init__(self, recorder):
        self.recorder = recorder
        self.asked = []

    def ask(self, request):
        self.asked.append(request)
        try:
            return self._carry(request)
        except (RefusedError, SilentError) as error:
            raise NoAnswerError(
                request=type(request).__name__, reason=type(error).__name__
            ) from error

    def close(self):
        pass

    def _carry(self, request):
        """What a recorder has no way for it refuses, as a bus would."""
        if isinstance(request, Pause):
            return b""
        payload, size = getattr(request, "payload", b""), getattr(request, "size", 0)
        if isinstance(request, ScsiRead | ScsiWrite):
            return self._way("scsi")(request.cdb, payload, size)
        if isinstance(request, BulkRead | BulkWrite):
            return self._way("bulk")(request.endpoint, payload, size)
        setup = (request.request_type, request.request, request.value, request.index, size)
        return self._way("control")(setup, payload)

    def _way(self, name):
        if not hasattr(self.recorder, name):
            raise RefusedError
        return getattr(self.recorder, name)
