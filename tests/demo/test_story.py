import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from demo.card import fingerprint
from tests.support.loopdisk import attached, make_image, mounted


@pytest.fixture
def place():
    # Short, since a Unix socket's path is at most 108 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="d-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def _start(place, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "demo", "--once", "--json", *options],
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _summary(place, *options):
    process = _start(place, *options)
    told, story = process.communicate()
    assert process.returncode == 0, story.decode()
    return json.loads(told)


def _left_behind(place):
    lines = (raw for path in Path("/proc").glob("[0-9]*/cmdline") if (raw := _read(path)))
    running = [line for line in lines if os.fsencode(place) in line]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(place) in line]
    return [*place.iterdir(), *running, *mounts]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _read_until(stream, words):
    while line := stream.readline():
        if words in line:
            return
    pytest.fail(f"the demo ended before it said {words!r}")


def test_the_whole_story_counts_right(place):
    summary = _summary(place)

    assert summary["ok"]
    assert summary["checks"]["files_entered"]["actual"] == 43
    assert summary["checks"]["alerts_cleared"]["actual"] == [["missing", "met_late"]]
    assert _left_behind(place) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_stopped_in_mid_story_leaves_nothing_behind(place, number):
    process = _start(place)
    _read_until(process.stderr, "夜班".encode())
    process.send_signal(number)
    _, story = process.communicate()

    assert process.returncode == 128 + signal.SIGINT
    assert story.decode().endswith("stopped; the temporary files are gone\n")
    assert _left_behind(place) == []


def test_a_demo_whose_reader_has_gone_leaves_nothing_behind(place):
    process = _start(place)
    _read_until(process.stderr, "夜班".encode())
    process.stderr.close()
    process.stdout.close()
    assert process.wait() != 0
    assert _left_behind(place) == []


def test_a_folder_of_one_s_own_is_imported_and_stays_as_it_is(place, tmp_path):
    footage = tmp_path / "own footage"
    (footage / "影像").mkdir(parents=True)
    (footage / "影像" / "a.bin").write_bytes(os.urandom(300_000))
    (footage / "empty").write_bytes(b"")
    before = fingerprint(footage)

    summary = _summary(place, "--footage", str(footage))

    assert summary["checks"]["files_entered"]["actual"] == 2
    assert fingerprint(footage) == before
    assert _left_behind(place) == []


def test_a_card_of_one_s_own_is_imported_read_only(place, tmp_path):
    image, mount = tmp_path / "image", tmp_path / "mount"
    mount.mkdir()
    make_image(image, 16)
    with attached(image) as device:
        with mounted(device, mount):
            (mount / "a.bin").write_bytes(os.urandom(300_000))
        before = image.read_bytes()
        summary = _summary(place, "--device", str(device))

    assert summary["checks"]["files_entered"]["actual"] == 1
    assert image.read_bytes() == before
    assert _left_behind(place) == []


def test_a_folder_that_is_not_there_is_said_in_one_line(place):
    process = _start(place, "--footage", str(place / "nowhere"))
    _, story = process.communicate()

    assert process.returncode == 2
    assert "没有这个文件夹" in story.decode()
    assert _left_behind(place) == []


def test_without_mosquitto_s_client_the_demo_says_how_to_get_it(place):
    process = subprocess.run(
        [sys.executable, "-m", "demo", "--once"],
        env={**os.environ, "PATH": str(place)},
        capture_output=True,
        check=False,
    )
    assert process.returncode == 2
    assert "找不到 mosquitto_sub" in process.stderr.decode()
