"""What a vendor's library may do: compute, read itself and the system's, and use one USB plug.

Landlock shuts the file system, seccomp new processes, programs and sockets; each is then tried.
"""

import errno
import platform
import resource
from pathlib import Path

from agent import walls
from contracts.errors import ConfinementError

_MEMORY_BYTES = 1 << 30
_OPEN_FILES = 64
_THREAD = 0x00010000  # CLONE_THREAD
_NETLINK = 16  # AF_NETLINK: how libusb hears of plugs
_USB = Path("/dev/bus/usb")
_READ = walls.READ_FILES | walls.READ_FOLDERS
_READABLE = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/sys")

# clone, socket; clone3 (answered as unknown, so that libc falls back to clone, whose flags a filter
# can see).
_JUDGED = {"x86_64": (56, 41, 435), "aarch64": (220, 198, 435)}
# fork vfork execve execveat ptrace process_vm_readv process_vm_writev kill tkill tgkill
# pidfd_send_signal mount umount2 unshare setns chroot bpf perf_event_open io_uring_setup keyctl
# add_key userfaultfd socketpair; aarch64 has no fork and vfork.
_REFUSED = {
    "x86_64": (
        *(57, 58, 59, 322, 101, 310, 311, 62, 200, 234, 424, 165, 166, 272, 308, 161, 321, 298),
        *(425, 250, 248, 323, 53),
    ),
    "aarch64": (
        *(221, 281, 117, 270, 271, 129, 130, 131, 424, 40, 39, 97, 268, 51, 280, 241, 425, 219),
        *(217, 282, 199),
    ),
}


def confine(library: Path, plug: Path | None, cpu_seconds: int) -> tuple[str, ...]:
    """Put up the walls and return their names; there is no way back.

    Raises:
        ConfinementError: this kernel or machine lacks one, or something is still possible.
    """
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
    open_to = dict.fromkeys(map(Path, _READABLE), _READ) | {
        library: walls.READ_FILES,
        _USB: walls.READ_FOLDERS,
    }
    if plug is not None:
        open_to[plug] = walls.READ_FILES | walls.WRITE_FILES | walls.CONTROL_DEVICES
    up = (walls.landlock(open_to), walls.seccomp(_filter()))
    if not all(up):
        raise ConfinementError(reason="landlock, seccomp")
    walls.prove()
    return ("limits", "no_new_privs", *filter(None, up))


def _filter() -> list[bytes]:
    machine = platform.machine()
    if machine not in _JUDGED:
        raise ConfinementError(reason=f"seccomp: {machine}")
    (clone, new_socket, clone3), refused = _JUDGED[machine], _REFUSED[machine]
    step, equal, ret = walls.step, walls.JUMP_IF_EQUAL, walls.RETURN
    denied = walls.refuse(errno.EPERM)
    head = [
        step(walls.LOAD, 4),
        step(equal, walls.ARCHITECTURES[machine], 1),
        step(ret, walls.KILL),
        step(walls.LOAD, 0),
        step(equal, clone3, 0, 1),
        step(ret, walls.refuse(errno.ENOSYS)),
        step(equal, clone, 0, 4),
        step(walls.LOAD, 16),  # its first argument: the flags
        step(walls.JUMP_IF_SET, _THREAD, 1, 0),
        step(ret, denied),
        step(ret, walls.ALLOW),
        step(equal, new_socket, 0, 4),
        step(walls.LOAD, 16),  # its first argument: the address family
        step(equal, _NETLINK, 1, 0),
        step(ret, denied),
        step(ret, walls.ALLOW),
    ]
    tests = [step(equal, number, len(refused) - at) for at, number in enumerate(refused)]
    return [*head, *tests, step(ret, walls.ALLOW), step(ret, denied)]
