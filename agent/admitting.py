"""Has the kernel let in what may be a recorder, and shut out what is none, as it is plugged in.

What only root may do is given; here is only that no device holds up another.
"""

import logging
import threading
from collections.abc import Callable

from agent.core.admission import Verdict
from agent.core.recorder import Device
from contracts.errors import MountError

_log = logging.getLogger(__name__)


class Doorkeeper:
    """Stands at every USB port: judges once, and acts in a thread for each device."""

    def __init__(
        self,
        judge: Callable[[Device], Verdict],
        admit: Callable[[str], None],
        shut_out: Callable[[str], None],
    ) -> None:
        self._judge = judge
        self._admit = admit
        self._shut_out = shut_out
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def keep(self, plug: Device, name: str, *, is_in: bool) -> bool:
        """Tell whether a device is to be shown as it is; one that is being let in will change.

        `name` is the kernel's ("2-5"), `is_in` whether drivers may be bound to it now.
        """
        verdict = self._judge(plug)
        if verdict == "admit" and not is_in:
            self._act(self._admit, name)
            return False
        if verdict == "shut_out" and is_in:
            self._act(self._shut_out, name)
        return True

    def _act(self, act: Callable[[str], None], name: str) -> None:
        with self._lock:
            if name in self._busy:
                return
            self._busy.add(name)
        threading.Thread(
            target=self._do, args=(act, name), name=f"door {name}", daemon=True
        ).start()

    def _do(self, act: Callable[[str], None], name: str) -> None:
        try:
            act(name)
        except MountError as error:
            _log.warning("USB device %s: %s", name, error)  # asked again at the next look
        finally:
            with self._lock:
                self._busy.discard(name)
