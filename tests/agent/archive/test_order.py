import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.archive import Archive
from tests.support.source import seal
from tests.support.tracing import strace

CALLS = "fallocate,pwrite64,fsync,syncfs,preadv2,linkat,renameat"
HOLDS = """
import sys
from pathlib import Path
from agent.archive import Archive
archive = Archive(Path(sys.argv[1]))
archive.prepare()
assert archive.holds(sys.argv[2], int(sys.argv[3]))
"""

SEALS = """
import sys
from pathlib import Path
from agent.archive import Archive
from tests.support.source import seal
archive = Archive(Path(sys.argv[1]))
archive.prepare()
for content in sys.argv[2:]:
    seal(archive, content.encode())
"""

WRITES_A_MANIFEST = """
import sys
from pathlib import Path
from agent.archive import Archive
archive = Archive(Path(sys.argv[1]))
archive.prepare()
archive.write_manifest("v1", [("0" * 64, "a.mp4")])
"""


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "archive"
    made.mkdir()
    Archive(made).prepare()
    return made


def steps(root: Path, *command: str) -> list[str]:
    """Run a process and return its calls on the archive as `call place`, repeats once."""
    trace = root.parent / "trace"
    traced = strace(CALLS, "-y", "-s0", log=trace)
    subprocess.run([*traced, sys.executable, *command], check=True, capture_output=True)
    found = re.findall(r"(\w+)\(\d+<" + re.escape(str(root)) + r"/?(.*?)>", trace.read_text())
    places = [f"{call} {place}" for call, place in found]
    once = [one for one, before in zip(places, ["", *places], strict=False) if one != before]
    return [re.sub(r"incoming/\w+\.part", "part", place) for place in once]


def sealing(root: Path, content: bytes) -> list[str]:
    file = root.parent / "card.mp4"
    file.write_bytes(content)
    done = steps(root, "-m", "tests.support.sealing_process", str(root), str(file))
    return done[next(at for at, step in enumerate(done) if step.endswith(" part")) :]


def test_a_file_is_on_the_medium_before_it_is_read_back_and_named_and_its_folders_after(root):
    done = sealing(root, os.urandom(900_000))
    (path,) = [one for one in (root / "objects").rglob("*") if one.is_file()]
    folder = path.parent.relative_to(root)
    assert done == [
        "fallocate part",
        "pwrite64 part",
        "fsync part",
        "preadv2 part",
        "linkat incoming",
        f"fsync {folder}",
        f"fsync {folder.parent}",
        f"fsync {folder.parent.parent}",
    ]


def test_footage_that_is_held_is_read_from_the_medium_and_brought_to_it_again(root):
    content = os.urandom(900_000)
    sealing(root, content)
    (path,) = [one for one in (root / "objects").rglob("*") if one.is_file()]
    held = path.relative_to(root)
    assert sealing(root, content)[4:] == [
        "linkat incoming",
        f"preadv2 {held}",
        f"fsync {held}",
        f"fsync {held.parent}",
        f"fsync {held.parent.parent}",
        f"fsync {held.parent.parent.parent}",
    ]


def test_what_is_held_is_brought_to_the_medium_before_it_is_trusted(root):
    archive = Archive(root)
    archive.prepare()
    held = Path(seal(archive, b"footage").object)
    done = steps(root, "-c", HOLDS, str(root), held.name, "7")
    assert done[-1] == "syncfs "


def test_a_manifest_is_on_the_medium_before_it_gets_its_name_and_its_folder_after(root):
    done = steps(root, "-c", WRITES_A_MANIFEST, str(root))
    written = done[done.index("pwrite64 part") :]
    assert written[:4] == ["pwrite64 part", "fsync part", "renameat incoming", "fsync manifests"]


def test_a_folder_that_is_on_the_medium_is_not_brought_there_again(root):
    paths = {f"{n}": hashlib.sha256(b"%d" % n).hexdigest() for n in range(100_000)}
    first = paths.pop("0")
    near, same = (next(n for n, x in paths.items() if x[:k] == first[:k]) for k in (2, 4))
    done = steps(root, "-c", SEALS, str(root), "0", near, same)
    folders = [step for step in done if step.startswith("fsync objects")]
    above = f"fsync objects/sha256/{first[:2]}"
    leaf, other = f"{above}/{first[2:4]}", f"{above}/{paths[near][2:4]}"
    assert folders[-6:] == [leaf, above, "fsync objects/sha256", other, above, leaf]


def test_people_can_read_an_object_whatever_the_mask_of_the_process(root):
    archive = Archive(root)
    archive.prepare()
    before = os.umask(0o077)
    try:
        sealed = seal(archive, b"footage")
    finally:
        os.umask(before)
    assert (root / sealed.object).stat().st_mode & 0o777 == 0o444
