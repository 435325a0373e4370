"""`muster-mounter`: serves the agent's connections, a line of JSON asks and one answers.

Each connection has a process, forked off, in a mount namespace of its own. A card is mounted where
nobody else sees it, and the agent is passed the opened folder; when the connection or the process
ends, for whatever reason, the mount is gone. Standard library only.
"""

import argparse
import ctypes
import json
import os
import pwd
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from agent.mounter import scsi
from agent.mounter.cards import Card, CardError, UnsoundError, give_back, open_card
from agent.mounter.ports import PortError, Ports, read_ports

LINE_MAX_BYTES = 256 * 1024
_CLONE_NEWNS, _MS_REC, _MS_SLAVE = 0x20000, 0x4000, 0x80000  # <sched.h>, <sys/mount.h>
_REFUSALS = (CardError, PortError, scsi.ScsiError, OSError, ValueError, KeyError, TypeError)
Asked = dict[str, Any]  # checked where it is used: a wrong type is refused like a wrong value


class Connection:
    """One connection: at most one card, which goes with it. `owner` is who asks."""

    def __init__(self, link: socket.socket, ports: Ports, target: Path) -> None:
        self._link = link
        self._ports = ports
        self._target = target
        self._owner = _peer(link)
        self._card: Card | None = None
        self._is_mounted = False
        self._verbs: dict[str, Callable[[Asked], Asked]] = {
            "admit": self._admit,
            "shut_out": self._shut_out,
            "lend": self._lend,
            "scsi": self._scsi,
            "mount": self._mount,
            "renew": self._renew,
            "seal": self._seal,
            "unmount": self._unmount,
        }

    def serve(self) -> None:
        """Answer until the other end closes; then nothing stays mounted."""
        try:
            with self._link.makefile("rb") as lines:
                while line := lines.readline(LINE_MAX_BYTES):
                    answer = self._answer(line)
                    passed = answer.pop("folder", None)
                    raw = json.dumps(answer).encode() + b"\n"
                    if passed is None:
                        self._link.sendall(raw)
                    else:
                        socket.send_fds(self._link, [raw], [passed])
                        os.close(passed)
        finally:
            self._unmount({})

    def _answer(self, line: bytes) -> Asked:
        try:
            asked = json.loads(line)
            return self._verbs[asked["verb"]](asked)
        except _REFUSALS as error:
            said = f"{type(error).__name__}: {error}"
            print(f"refused: {line[:200]!r}: {said}", file=sys.stderr)  # noqa: T201  # the journal
            return {"refused": str(error) or said}

    def _mount(self, asked: Asked) -> Asked:
        if self._card is not None:
            raise CardError("this connection has a card already")
        node = self._ports.node(asked["node"], "block")
        card = open_card(node, asked["file_system"], self._target, self._owner)
        self._card, self._is_mounted = card, True
        os.chown(node, self._owner[0], -1)
        node.chmod(0o400)
        return {"sequence": card.sequence, "folder": self._folder()}

    def _renew(self, asked: Asked) -> Asked:
        card = self._held()
        mode = asked["mode"]
        if mode not in ("ro", "rw"):
            raise ValueError(mode)
        with card.pinned():
            if self._is_mounted:
                card.close()
                self._is_mounted = False
            damage = _damage(card) if asked.get("check") else None
            card.open(mode)
            self._is_mounted = True
        return {"folder": self._folder(), "damage": damage}

    def _seal(self, asked: Asked) -> Asked:
        card = self._held()
        if self._is_mounted:
            card.close()
            self._is_mounted = False
        return {}

    def _unmount(self, asked: Asked) -> Asked:
        card, self._card = self._card, None
        if card is not None:
            if self._is_mounted:
                card.let_go()
            self._is_mounted = False
            give_back(card.node)
            with suppress(OSError):  # it was pulled out
                os.chown(card.node, 0, -1)
                card.node.chmod(0o660)
        return {}

    def _admit(self, asked: Asked) -> Asked:
        self._ports.admit(asked["device"])
        return {}

    def _shut_out(self, asked: Asked) -> Asked:
        self._ports.shut_out(asked["device"])
        return {}

    def _lend(self, asked: Asked) -> Asked:
        node = self._ports.node(asked["node"], "char")
        os.chown(node, self._owner[0], -1)
        return {}

    def _scsi(self, asked: Asked) -> Asked:
        node = self._ports.node(asked["node"], "char")
        command = scsi.Command(
            bytes.fromhex(asked["cdb"]),
            bytes.fromhex(asked["payload"]),
            int(asked["size"]),
            float(asked["seconds"]),
        )
        outcome = scsi.send(node, command)
        told = {"data": outcome.data.hex(), "sense": outcome.sense.hex()}
        return {**told, "status": outcome.status, "host": outcome.host}

    def _held(self) -> Card:
        if self._card is None:
            raise CardError("this connection has no card")
        return self._card

    def _folder(self) -> int:
        return os.open(self._target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def main() -> None:
    """Serve who connects to the socket on standard input, if it is the agent."""
    what = "挂载助手, 由 systemd 启动, 标准输入是它的套接字 / mounts cards for the agent; "
    words = argparse.ArgumentParser(
        prog="muster-mounter",
        description=what + "systemd starts it, with its socket as standard input",
    )
    words.add_argument(
        "--config",
        type=Path,
        default=Path("/etc/muster/station.toml"),
        help="站点设置 / the station's settings (%(default)s)",
    )
    words.add_argument(
        "--folder",
        type=Path,
        required=True,
        help="挂载用的空目录, 没有则建 / an empty folder to mount at, made if missing",
    )
    words.add_argument(
        "--user",
        default="muster-agent",
        help="只为此用户服务 / the only user that is served (%(default)s)",
    )
    said = words.parse_args()
    said.folder.mkdir(mode=0o700, exist_ok=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that serve
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as listening:
        while True:
            link, _ = listening.accept()
            with link:
                _fork(partial(_serve, listening, link, said))


def _serve(listening: socket.socket, link: socket.socket, said: argparse.Namespace) -> None:
    listening.close()
    uid, _ = _peer(link)
    if uid != pwd.getpwnam(said.user).pw_uid:
        raise PermissionError(f"user {uid} is not served")
    _stand_apart()
    Connection(link, read_ports(said.config), said.folder).serve()


def _fork(serve: Callable[[], None]) -> None:
    """Run this in a process of its own; where there can be none, the connection just closes."""
    try:
        if os.fork():
            return
    except OSError as error:
        print(f"no process: {error}", file=sys.stderr)  # noqa: T201  # the journal
        return
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        serve()
        code = 0
    except BaseException as error:  # noqa: BLE001  # this process ends here, whatever it was
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(code)


def _stand_apart() -> None:
    """Leave for a mount namespace of its own: what others mount is seen, what it mounts is not.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) or libc.mount(None, b"/", None, _MS_REC | _MS_SLAVE, None):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _damage(card: Card) -> str | None:
    try:
        card.look_over()
    except UnsoundError as error:
        return str(error)
    return None


def _peer(link: socket.socket) -> tuple[int, int]:
    raw = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, gid = struct.unpack("3i", raw)
    return uid, gid


if __name__ == "__main__":
    main()
