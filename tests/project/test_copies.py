"""Footage passes through memory that we hash: nothing in the agent lets the kernel copy it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = re.compile(
    r"copy_file_range|sendfile|\bsplice\b|FICLONE|shutil\.(copy|move)|from shutil import"
    r"|mmap\.mmap\((?!-1\b)"  # memory of its own is no file
)


def test_no_footage_is_copied_by_the_kernel_or_through_a_mapping():
    files = sorted((ROOT / "agent").rglob("*.py"))
    assert files
    used = [(str(file), found) for file in files if (found := FORBIDDEN.search(file.read_text()))]
    assert used == []


@pytest.mark.parametrize(
    "planted",
    [
        "os.copy_file_range(a, b, n)",
        "os.sendfile(a, b, 0, n)",
        "fcntl.ioctl(a, FICLONE, b)",
        "shutil.copyfileobj(a, b)",
        "shutil.move(a, b)",
        "mmap.mmap(fd, 0)",
    ],
)
def test_what_would_is_found(planted):
    assert FORBIDDEN.search(planted)
