"""A machine in QEMU: started, spoken with, things plugged in and pulled out, its power cut."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.rig.lines import PATIENCE_SECONDS, Lines

# An old processor: for a new one QEMU imitates what costs time and helps nobody.
_MACHINE = "-M q35,vmport=off,smm=off -cpu Nehalem -smp 2 -m 1024 -nodefaults -no-user-config"
# Libraries at the same addresses in every process: QEMU translates them once for all.
_KERNEL = (
    "console=ttyS0 quiet mitigations=off nokaslr random.trust_cpu=1 tsc=reliable no_timer_check "
    "norandmaps systemd.show_status=0 usbcore.autosuspend=-1 usb-storage.delay_use=0"
)
_PARTS = (
    "virtio-blk-pci,drive=root,addr=0x3",
    "qemu-xhci,id=xhci,p2=15,p3=4,addr=0x4",
    "virtio-serial-pci,addr=0x6",
    "virtserialport,chardev=rig,name=rig",
    "virtio-rng-pci,addr=0x7",
    "virtio-blk-pci,drive=state,addr=0x8",
    "virtio-blk-pci,drive=archive,addr=0x9",
    "virtio-scsi-pci,id=scsi,addr=0xa",
)
_LOOK_SECONDS = 0.4  # each look costs the guest, which is slow, a part of what it could do
DISKS = ("root", "state", "archive")
T = TypeVar("T")


class GuestError(Exception):
    """The guest, or QEMU, did not do as asked."""


def command_line(kernel: Path, folder: Path, *, resumed: Path | None = None) -> list[str]:
    """Return how QEMU is started; a saved state needs the very same machine."""
    drives = (
        f"file={folder}/root.qcow2,format=qcow2,if=none,id=root,cache=unsafe",
        *(
            f"file={folder}/{name}.img,format=raw,if=none,id={name},cache=writeback"
            for name in DISKS[1:]
        ),
    )
    return [
        *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"),  # it ends when the test does
        *_MACHINE.split(),
        *("-accel", "tcg,thread=multi,tb-size=256", "-display", "none", "-no-reboot"),
        *("-kernel", f"{kernel}/vmlinux", "-initrd", f"{kernel}/initrd.img", "-append", _KERNEL),
        *(word for drive in drives for word in ("-drive", drive)),
        *("-chardev", f"socket,id=rig,path={folder}/rig.sock,server=on,wait=off"),
        *(word for part in _PARTS for word in ("-device", part)),
        *("-serial", f"file:{folder}/console.log"),
        *("-qmp", f"unix:{folder}/qmp.sock,server=on,wait=off"),
        *(("-incoming", f"exec:cat {resumed}") if resumed else ()),
    ]


@dataclass(frozen=True)
class Origin:
    """What a guest is made from: the kernel's folder, the disks', and a saved state if any."""

    kernel: Path
    disks: Path
    state: Path | None = None


class Guest:
    """One guest in a folder of its own, which holds its disks and what it says on its console."""

    def __init__(self, origin: Origin, folder: Path | None = None) -> None:
        # A socket's path is short.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="rig-"))
        self._origin = origin
        if not (self.folder / "root.qcow2").exists():
            self._make_disks(origin.disks)
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Lines | None = None
        self._channel: Lines | None = None

    @property
    def is_running(self) -> bool:
        """Whether QEMU runs and the guest can be spoken with."""
        has_process = self._process is not None and self._process.poll() is None
        return has_process and self._channel is not None

    def start(self) -> None:
        """Boot it, or go on from its saved state; return when it answers."""
        resumed = self._origin.state
        command = command_line(self._origin.kernel, self.folder, resumed=resumed)
        for name in ("rig.sock", "qmp.sock"):
            (self.folder / name).unlink(missing_ok=True)
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
        try:
            self._qmp = Lines(self.folder / "qmp.sock")
            self.qmp("qmp_capabilities")
            if resumed:
                self.until(lambda: self.qmp("query-status")["status"] != "inmigrate")
                self.qmp("cont")
            self._channel = Lines(self.folder / "rig.sock")
            self.until(self._answers, seconds=900)
        except (OSError, EOFError, TimeoutError, GuestError) as error:
            raise GuestError(f"{error}: {(self.folder / 'qemu.log').read_text()}") from error

    def reboot_after_power_cut(self) -> None:
        """Start again from what is on the disks."""
        self.cut_power()
        self._origin = Origin(self._origin.kernel, self._origin.disks)
        self.start()

    def save(self, state: Path) -> None:
        """Write its memory into a file and end it; its disks are left as they are."""
        self.qmp("stop")
        self.qmp("migrate", uri=f"exec:cat > {state}.new")
        self.until(lambda: self.qmp("query-migrate")["status"] in ("completed", "failed"))
        if self.qmp("query-migrate")["status"] == "failed":
            raise GuestError("its memory cannot be saved")
        self.qmp("quit")
        self._process.wait()
        Path(f"{state}.new").rename(state)

    def cut_power(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for lines in filter(None, (self._qmp, self._channel)):
            lines.close()
        self._qmp = self._channel = None

    def close(self) -> None:
        """End it and remove its folder."""
        self.cut_power()
        shutil.rmtree(self.folder, ignore_errors=True)

    def qmp(self, command: str, **arguments: Any) -> Any:
        """Have QEMU do something.

        Raises:
            GuestError: it cannot.
        """
        asked = {"execute": command, **({"arguments": arguments} if arguments else {})}
        answer = self._qmp.ask(asked)
        if "error" in answer:
            raise GuestError(f"{command} {arguments}: {answer['error']['desc']}")
        return answer["return"]

    def event(self, name: str, **wanted: Any) -> None:
        """Wait until QEMU tells of an event with this in its data."""
        self._qmp.event(
            lambda event: event["event"] == name and wanted.items() <= event.get("data", {}).items()
        )

    def sh(self, command: str, *, check: bool = True, seconds: float = 120) -> str:
        """Run a command in the guest and return what it says.

        Raises:
            GuestError: it failed, unless `check` is False.
        """
        done = self._ask(sh=command, seconds=seconds)
        if check and done["rc"]:
            raise GuestError(f"{command}: {done['rc']}\n{done['out']}\n{done['err']}")
        return done["out"]

    def begin(self, command: str, log: str = "/dev/null") -> int:
        """Start a command in the guest and return its process id."""
        return self._ask(background=command, log=log)["pid"]

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file in the guest."""
        self._ask(put=path, content=base64.b64encode(content).decode(), mode=mode)

    def get(self, path: str) -> bytes | None:
        """Return what a file in the guest holds, or None if it is not there."""
        content = self._ask(get=path)["content"]
        return None if content is None else base64.b64decode(content)

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the entries of the station's ledger behind a position."""
        return [json.loads(body) for body in self._ask(entries=after)["entries"]]

    def set_clock(self, at: float) -> None:
        """Set the guest's clock, in seconds since 1970 UTC."""
        self._ask(clock=at)

    def until(
        self, ask: Callable[[], T | None], seconds: float = PATIENCE_SECONDS, what: str = ""
    ) -> T:
        """Return the first true answer.

        Raises:
            GuestError: there is none in time, or QEMU ended.
        """
        deadline = time.monotonic() + seconds
        while not (answer := ask()):
            if self._process is not None and self._process.poll() is not None:
                raise GuestError(f"QEMU ended: {self._process.returncode}")
            if time.monotonic() > deadline:
                raise GuestError(f"not within {seconds} s {what}")
            time.sleep(_LOOK_SECONDS)
        return answer

    def _answers(self) -> bool:
        try:
            self._channel.ask({"ping": True}, 2)
        except TimeoutError:
            return False
        return True

    def _ask(self, **request: Any) -> Mapping[str, Any]:
        seconds = request.get("seconds", PATIENCE_SECONDS) + 10
        answer = self._channel.ask(request, seconds)
        if "error" in answer:
            raise GuestError(f"{next(iter(request.values()))!r}: {answer['error']}")
        return answer

    def _make_disks(self, disks: Path) -> None:
        backing = disks / "root.qcow2"
        kind = "qcow2"
        if not backing.exists():
            backing, kind = disks / "root.img", "raw"
        over = ("-b", str(backing), "-F", kind, str(self.folder / "root.qcow2"))
        subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", *over), check=True)
        for name in DISKS[1:] if disks != self.folder else ():
            copy(disks / f"{name}.img", self.folder)


def copy(file: Path, folder: Path) -> None:
    """Copy a disk's image; what it does not use takes no room."""
    command = ("cp", "--sparse=always", "--reflink=auto", str(file), str(folder))
    subprocess.run(command, check=True)
