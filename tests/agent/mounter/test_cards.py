"""A card in the hands of the helper: seen by nobody else, written to only when asked, let go."""

import fcntl
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.mounting import Helper
from contracts.errors import MountError
from tests.support.loopdisk import attached, make_image, mounted, run
from tests.support.mounter import helper

PATIENCE_SECONDS = 60
NOBODY = 65_534
LOOP_CHANGE_FD = 0x4C06  # <linux/loop.h>: another file behind it, as if a card had been changed
HOLD = """
import sys
from pathlib import Path
from agent.mounting import Helper
held = Helper(Path(sys.argv[1])).mount(Path(sys.argv[2]), "ext4", Path("x"))
print(held.target, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def node(tmp_path):
    """A disk with one file on it."""
    make_image(tmp_path / "image", 16)
    (tmp_path / "recorder").mkdir()
    with attached(tmp_path / "image") as node:
        with mounted(node, tmp_path / "recorder"):
            (tmp_path / "recorder" / "a.mp4").write_bytes(b"footage")
        yield node


@contextmanager
def held(node, file_system="ext4"):
    with helper(f"loop:{node.name}") as path:
        mount = Helper(path).mount(node, file_system, Path("unused"))
        try:
            yield mount
        finally:
            mount.unmount()


def is_seen(node):
    return f" {node} " in Path("/proc/self/mountinfo").read_text()


def until(true):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_free(node):
    """Tell whether nothing has the disk mounted, in whatever namespace."""
    try:
        os.close(os.open(node, os.O_RDONLY | os.O_EXCL))
    except OSError:
        return False
    return True


def test_a_card_is_read_through_the_folder_and_mounted_where_nobody_sees_it(node):
    with held(node) as mount:
        assert (mount.target / "a.mp4").read_bytes() == b"footage"
        assert mount.is_mounted
        assert not mount.is_gone()
        assert not is_seen(node)
        assert not is_free(node)


def test_nothing_can_be_written_to_a_card_that_is_only_held(node):
    with held(node) as mount:
        with pytest.raises(OSError, match="Read-only"):
            (mount.target / "b.mp4").write_bytes(b"")
        assert run("blockdev", "--getro", str(node)).strip() == "1"


def test_a_card_is_writable_for_as_long_as_the_block_lasts(node):
    with held(node) as mount:
        before = mount.target
        with mount.writable() as folder:
            (folder / "a.mp4").unlink()
        assert not list(mount.target.glob("*.mp4"))
        assert mount.target == before
        assert run("blockdev", "--getro", str(node)).strip() == "1"
        with pytest.raises(OSError, match="Read-only"):
            (mount.target / "b.mp4").write_bytes(b"")


def test_a_card_mounted_anew_is_read_from_its_medium(node, tmp_path):
    with held(node) as mount:
        before = (mount.target / "a.mp4").stat().st_ino
        image = (tmp_path / "image").read_bytes()
        (tmp_path / "image").write_bytes(image.replace(b"footage", b"changed"))
        mount.renew()
        assert (mount.target / "a.mp4").read_bytes() == b"changed"
        assert (mount.target / "a.mp4").stat().st_ino == before


def test_a_card_that_is_read_just_now_is_not_mounted_anew_and_shows_nothing(node):
    with held(node) as mount, (mount.target / "a.mp4").open("rb"):
        with pytest.raises(MountError, match="busy"):
            mount.renew()
        assert not mount.is_mounted


def test_a_card_let_go_is_free_at_once_and_may_be_let_go_again(node):
    with held(node) as mount:
        mount.unmount()
        assert is_free(node)
        mount.unmount()
        assert not mount.is_mounted
        assert run("blockdev", "--getro", str(node)).strip() == "0"


def test_a_card_is_let_go_when_the_agent_is_killed(node):
    with helper(f"loop:{node.name}") as path:
        command = (sys.executable, "-c", HOLD, str(path), str(node))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
            assert agent.stdout.readline().startswith(b"/proc/self/fd/")
            assert not is_free(node)
            agent.kill()
        until(lambda: is_free(node))


def test_of_a_card_that_is_not_what_it_says_the_kernels_words_are_passed_on(node):
    with (
        helper(f"loop:{node.name}") as path,
        pytest.raises(MountError, match="wrong fs type"),
    ):
        Helper(path).mount(node, "xfs", Path("unused"))
    assert is_free(node)


@pytest.mark.parametrize("file_system", [None, "", "squashfs", "ext4,suid"])
def test_an_unknown_file_system_is_not_tried(node, file_system):
    with helper(f"loop:{node.name}") as path, pytest.raises(MountError, match="file system"):
        Helper(path).mount(node, file_system, Path("unused"))


def test_a_disk_on_no_dock_is_refused_and_not_touched(node):
    with helper("loop:loop255", "usb-0:1") as path, pytest.raises(MountError, match="no dock"):
        Helper(path).mount(node, "ext4", Path("unused"))
    assert run("blockdev", "--getro", str(node)).strip() == "0"


def test_a_disk_on_one_of_the_kiosks_own_ports_is_refused_though_it_is_bound(node):
    port = f"loop:{node.name}"
    with helper(port, own="loop:*") as path, pytest.raises(MountError, match="no dock"):
        Helper(path).mount(node, "ext4", Path("unused"))


@pytest.mark.parametrize(
    "name", ["/dev/../etc/passwd", "../sda", "disk/by-id/x", "", "null", "shm", "/etc/shadow"]
)
def test_what_is_no_disk_is_refused(name):
    with helper("loop:loop255") as path, pytest.raises(MountError):
        Helper(path).mount(Path(name), "ext4", Path("unused"))


def test_another_disk_in_the_same_place_is_not_mounted_anew(tmp_path):
    make_image(tmp_path / "image", 16)
    make_image(tmp_path / "other", 16)
    with attached(tmp_path / "image", "--read-only") as node, held(node) as mount:
        with node.open("rb") as disk, (tmp_path / "other").open("rb") as other:
            fcntl.ioctl(disk, LOOP_CHANGE_FD, other.fileno())
        assert mount.is_gone()
        with pytest.raises(MountError, match="another disk"):
            mount.renew()


def test_whoever_is_not_the_agent_is_not_served(node):
    with helper(f"loop:{node.name}", user="nobody") as path, pytest.raises(MountError):
        Helper(path).mount(node, "ext4", Path("unused"))


def test_a_user_without_rights_reads_a_card_of_his_own_dock(node):
    ask = "held = Helper(Path(sys.argv[1])).mount(Path(sys.argv[2]), 'ext4', Path('x'))\n"
    show = "print((held.target / 'a.mp4').read_bytes(), held.is_gone())"
    become = f"os.setgroups([]); os.setresgid(*[{NOBODY}] * 3); os.setresuid(*[{NOBODY}] * 3)\n"
    begin = "import os, sys\nfrom pathlib import Path\nfrom agent.mounting import Helper\n"
    with helper(f"loop:{node.name}", user="nobody") as path:
        command = (sys.executable, "-c", begin + become + ask + show, str(path), str(node))
        assert run(*command) == "b'footage' False\n"


def test_where_no_helper_listens_a_card_is_refused_in_words(tmp_path):
    with pytest.raises(MountError, match="muster-mounter"):
        Helper(tmp_path / "socket").mount(Path("/dev/loop0"), "ext4", Path("unused"))
