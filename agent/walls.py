"""What the kernel offers to shut a process in, by call and not by policy: who uses it decides.

Linux only (prctl(2), landlock(7), seccomp(2)).
"""

import ctypes
import os
import resource
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from contracts.errors import ConfinementError

KILL, ALLOW = 0x80000000, 0x7FFF0000
LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_VERSION, _BENEATH = 1, 1
# Rights of the file system known to each Landlock version: it refuses those it does not know.
_LANDLOCK_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_LANDLOCK_NET_SINCE, _LANDLOCK_SCOPE_SINCE = 4, 6
READ_FILES, READ_FOLDERS, WRITE_FILES, CONTROL_DEVICES = 1 << 2, 1 << 3, 1 << 1, 1 << 15
_OF_A_FILE = READ_FILES | WRITE_FILES | CONTROL_DEVICES

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, 9)


def gain_nothing() -> None:
    """Let no program that is started have more rights than this process."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def limit(limits: Mapping[int, int]) -> None:
    """Lower resource limits (`resource.RLIMIT_…`), never above what they are."""
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def landlock(open_to: Mapping[Path, int]) -> str | None:
    """Shut the file system but for these paths and rights, and network and signals where it can.

    Returns the wall's name, or None where this kernel has none.
    """
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return None
    known = _LANDLOCK_FILE_RIGHTS[min(version, 5)]
    rights = struct.pack("Q", known)
    if version >= _LANDLOCK_NET_SINCE:
        rights += struct.pack("Q", 0b11)
    if version >= _LANDLOCK_SCOPE_SINCE:
        rights += struct.pack("Q", 0b11)
    rules = _libc.syscall(_LANDLOCK_CREATE_RULESET, rights, len(rights), 0)
    if rules < 0:
        return None
    for path, wanted in open_to.items():
        _open_to(rules, path, wanted & known)
    if _libc.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0) != 0:
        return None
    os.close(rules)
    return f"landlock {version}"


def seccomp(steps: Sequence[bytes]) -> str | None:
    """Judge every system call by a filter (`step`); None where this kernel has none."""
    code = b"".join(steps)
    program = _Program(len(code) // 8, code)
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))
    except ConfinementError:
        return None
    return "seccomp"


def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return one instruction of a filter; it reads struct seccomp_data: number at 0, arch at 4."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def refuse(number: int) -> int:
    """Return the verdict that answers a call with this errno."""
    return 0x00050000 | number


def prove() -> None:
    """Try what must be impossible by now.

    Raises:
        ConfinementError: something still is possible.
    """
    for name, attempt in _FORBIDDEN.items():
        try:
            attempt()
        except PermissionError:
            continue
        except OSError as error:
            raise ConfinementError(reason=f"{name}: {error.strerror}") from error
        raise ConfinementError(reason=f"{name} is still possible")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


_FORBIDDEN: dict[str, Callable[[], object]] = {
    "opening a file": lambda: os.open("/dev/null", os.O_RDONLY),
    "opening a folder": lambda: os.open("/", os.O_RDONLY),
    "creating a file": lambda: os.open("/tmp/.probe", os.O_WRONLY | os.O_CREAT),  # noqa: S108
    "a network socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "a local socket": lambda: socket.socket(socket.AF_UNIX),
    "a new process": _fork,
    "another program": lambda: os.execv("/nowhere", ["/nowhere"]),  # noqa: S606  # must fail
}


def _open_to(rules: int, path: Path, wanted: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = wanted if path.is_dir() else wanted & _OF_A_FILE
        rule = struct.pack("=Qi", allowed, fd)
        if _libc.syscall(_LANDLOCK_ADD_RULE, rules, _BENEATH, rule, 0) != 0:
            raise ConfinementError(reason=f"{path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)


def _prctl(option: int, *values: object) -> None:
    padded = (*values, 0, 0, 0, 0)[:4]
    arguments = [ctypes.c_ulong(v) if isinstance(v, int) else v for v in padded]
    if _libc.prctl(option, *arguments) != 0:
        raise ConfinementError(reason=f"prctl {option}: {os.strerror(ctypes.get_errno())}")
