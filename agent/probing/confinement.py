"""Takes from the calling process all it does not need to compute: files, network, new processes.

Linux only. Nothing is assumed: after the walls are up each forbidden thing is tried.
"""

import ctypes
import os
import platform
import resource
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from contracts.errors import ConfinementError

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # refuse with errno 1, EPERM
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION = 1
# Rights of the file system known to each Landlock version: it refuses those it does not know.
_LANDLOCK_FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_LANDLOCK_NET_SINCE, _LANDLOCK_SCOPE_SINCE = 4, 6

_MEMORY_BYTES = 1 << 30
_OPEN_FILES = 16

# What computing on open descriptors needs: read write close lseek mmap mprotect munmap brk
# rt_sigaction rt_sigprocmask rt_sigreturn pread64 sched_yield mremap madvise sendto recvfrom
# sendmsg recvmsg gettimeofday futex sched_getaffinity clock_gettime exit_group getrandom.
_X86_64 = (0, 1, 3, 8, 9, 10, 11, 12, 13, 14, 15, 17, 24, 25, 28, 44, 45, 46, 47, 96, 202, 204)
_X86_64_LATER = (228, 231, 318)
_AARCH64 = (63, 64, 57, 62, 222, 226, 215, 214, 134, 135, 139, 67, 124, 216, 233, 206, 207, 211)
_AARCH64_LATER = (212, 169, 98, 123, 113, 94, 278)
_CALLS = {
    "x86_64": (0xC000003E, _X86_64 + _X86_64_LATER),
    "aarch64": (0xC00000B7, _AARCH64 + _AARCH64_LATER),
}

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, 9)


def confine(cpu_seconds: int) -> tuple[str, ...]:
    """Put up every wall this kernel has and return their names; there is no way back.

    Raises:
        ConfinementError: something that must be impossible still is possible.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise ConfinementError(reason="threads are running")  # the walls hold for one thread
    _limit(cpu_seconds)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    walls = ("limits", "no_new_privs", _landlock(), _seccomp())
    _prove()
    return tuple(wall for wall in walls if wall)


def _limit(cpu_seconds: int) -> None:
    limits = {
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def _prctl(option: int, *values: object) -> None:
    padded = (*values, 0, 0, 0, 0)[:4]
    arguments = [ctypes.c_ulong(v) if isinstance(v, int) else v for v in padded]
    if _libc.prctl(option, *arguments) != 0:
        raise ConfinementError(reason=f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _landlock() -> str | None:
    """Deny all of the file system, and network and signals where the kernel's version can."""
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return None
    rights = struct.pack("Q", _LANDLOCK_FILE_RIGHTS[min(version, 5)])
    if version >= _LANDLOCK_NET_SINCE:
        rights += struct.pack("Q", 0b11)
    if version >= _LANDLOCK_SCOPE_SINCE:
        rights += struct.pack("Q", 0b11)
    rules = _libc.syscall(_LANDLOCK_CREATE_RULESET, rights, len(rights), 0)
    if rules < 0 or _libc.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0) != 0:
        return None
    os.close(rules)
    return f"landlock {version}"


def _seccomp() -> str | None:
    """Refuse every system call that is not on the list of this machine's architecture."""
    if platform.machine() not in _CALLS:
        return None
    code = _filter(*_CALLS[platform.machine()])
    program = _Program(len(code) // 8, code)
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))
    except ConfinementError:
        return None  # whether the rest suffices is for the proof to say
    return "seccomp"


def _filter(architecture: int, allowed: tuple[int, ...]) -> bytes:
    def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_true, if_false, value)

    # struct seccomp_data: the call's number at 0, the architecture at 4
    steps = [step(_LOAD, 4), step(_JUMP_IF_EQUAL, architecture, 1), step(_RETURN, _KILL)]
    steps.append(step(_LOAD, 0))
    steps += [
        step(_JUMP_IF_EQUAL, number, len(allowed) - place) for place, number in enumerate(allowed)
    ]
    return b"".join((*steps, step(_RETURN, _REFUSE), step(_RETURN, _ALLOW)))


def _prove() -> None:
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
