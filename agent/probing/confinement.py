"""Takes from the calling process all it does not need to compute: files, network, new processes.

Linux only. Nothing is assumed: after the walls are up each forbidden thing is tried.
"""

import platform
import resource
from pathlib import Path

from agent import walls
from contracts.errors import ConfinementError

_MEMORY_BYTES = 1 << 30
_OPEN_FILES = 16

# What computing on open descriptors needs: read write close lseek mmap mprotect munmap brk
# rt_sigaction rt_sigprocmask rt_sigreturn pread64 sched_yield mremap madvise sendto recvfrom
# sendmsg recvmsg gettimeofday futex sched_getaffinity clock_gettime exit_group getrandom.
_X86_64 = (0, 1, 3, 8, 9, 10, 11, 12, 13, 14, 15, 17, 24, 25, 28, 44, 45, 46, 47, 96, 202, 204)
_X86_64_LATER = (228, 231, 318)
_AARCH64 = (63, 64, 57, 62, 222, 226, 215, 214, 134, 135, 139, 67, 124, 216, 233, 206, 207, 211)
_AARCH64_LATER = (212, 169, 98, 123, 113, 94, 278)
_CALLS = {"x86_64": _X86_64 + _X86_64_LATER, "aarch64": _AARCH64 + _AARCH64_LATER}


def confine(cpu_seconds: int) -> tuple[str, ...]:
    """Put up every wall this kernel has and return their names; there is no way back.

    Raises:
        ConfinementError: something that must be impossible still is possible.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise ConfinementError(reason="threads are running")  # the walls hold for one thread
    walls.limit(
        {
            resource.RLIMIT_AS: _MEMORY_BYTES,
            resource.RLIMIT_CPU: cpu_seconds,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_NOFILE: _OPEN_FILES,
            resource.RLIMIT_CORE: 0,
        }
    )
    walls.gain_nothing()
    # Whether what this kernel has suffices is for the proof to say.
    up = ("limits", "no_new_privs", walls.landlock({}), _seccomp())
    walls.prove()
    return tuple(wall for wall in up if wall)


def _seccomp() -> str | None:
    """Refuse every system call that is not on the list of this machine's architecture."""
    machine = platform.machine()
    return walls.seccomp(_filter(machine)) if machine in _CALLS else None


def _filter(machine: str) -> list[bytes]:
    step, allowed = walls.step, _CALLS[machine]
    steps = [
        step(walls.LOAD, 4),
        step(walls.JUMP_IF_EQUAL, walls.ARCHITECTURES[machine], 1),
        step(walls.RETURN, walls.KILL),
        step(walls.LOAD, 0),
    ]
    steps += [
        step(walls.JUMP_IF_EQUAL, number, len(allowed) - place)
        for place, number in enumerate(allowed)
    ]
    return [*steps, step(walls.RETURN, walls.refuse(1)), step(walls.RETURN, walls.ALLOW)]
