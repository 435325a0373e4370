"""Has the kernel let in what may be a recorder, and shut out what is none, as it is plugged in.

What only root may do is given; here is only that no device holds up another.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
        self._failed: dict[str, Path | None] = {}  # the plug that could not be let in last

    def keep(self, plug: Device, name: str, *, is_in: bool) -> Device | None:
        """Return a device as it is to be shown; None while it is being let in, and will change.

        `name` is the kernel's ("2-5"), `is_in` whether drivers may be bound to it now.
        """
        verdict = self._judge(plug)
        if verdict == "admit" and not is_in:
            has_failed = (name, plug.usb) in self._failed.items()
            self._act(self._admit, name, plug)
            return replace(plug, is_barred=True) if has_failed else None
        if verdict == "shut_out" and is_in:
            self._act(self._shut_out, name, plug)
        return plug

    def _act(self, act: Callable[[str], None], name: str, plug: Device) -> None:
        with self._lock:
            if name in self._busy:
                return
            self._busy.add(name)
        threading.Thread(
            target=self._do, args=(act, name, plug), name=f"door {name}", daemon=True
        ).start()

    def _do(self, act: Callable[[str], None], name: str, plug: Device) -> None:
        try:
            act(name)
            self._failed.pop(name, None)
        except MountError as error:
            _log.warning("USB device %s: %s", name, error)  # asked again at the next look
            self._failed[name] = plug.usb
        finally:
            with self._lock:
                self._busy.discard(name)
