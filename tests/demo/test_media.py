from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import av
import pytest

from demo.media import Shot, duty_shots, make_video, prepare, put_on_card

BEGAN_AT = datetime(2026, 8, 1, 0, 30, tzinfo=UTC)
SHOTS = (
    Shot("video", 1, 1, size=(160, 90)),
    Shot("photo", 0, 2, timedelta(minutes=5), size=(160, 90)),
    Shot("audio", 2, 3, timedelta(minutes=9)),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    prepare(SHOTS, folder)
    return folder


@pytest.fixture
def card(cache, tmp_path):
    return put_on_card(SHOTS, cache, tmp_path / "DCIM", BEGAN_AT)


def _digests(paths: list[Path]) -> list[str]:
    return [sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_card_holds_files_named_and_dated_as_a_recorder_does(card):
    assert [path.name for path in card] == [
        "DCAM_CAM001_000001_20260801_003000.mp4",
        "DCAM_CAM001_000001_20260801_003500.jpg",
        "DCAM_CAM001_000001_20260801_003900.m4a",
    ]
    assert card[2].stat().st_mtime == (BEGAN_AT + timedelta(minutes=9, seconds=2)).timestamp()


def test_a_video_plays_from_its_first_picture_to_its_last(card):
    with av.open(str(card[0])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 25
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]


def test_video_and_sound_carry_their_start(card):
    for path, minutes in ((card[0], 0), (card[2], 9)):
        with av.open(str(path)) as container:
            written = datetime.fromisoformat(container.metadata["creation_time"])
        assert written == BEGAN_AT + timedelta(minutes=minutes)


def test_a_photo_can_be_unpacked(card):
    with av.open(str(card[1])) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (320, 180)


def test_the_same_wish_gives_the_same_bytes(cache, tmp_path):
    prepare(SHOTS, tmp_path)
    assert _digests(sorted(tmp_path.iterdir())) == _digests(sorted(cache.iterdir()))


def test_what_is_in_the_cache_is_not_made_again(cache):
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    prepare(SHOTS, cache)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before


def test_dating_a_copy_gives_what_making_it_so_gives(card, tmp_path):
    make_video(tmp_path / "made.mp4", 1, (160, 90), BEGAN_AT, 1)
    assert _digests([card[0]]) == _digests([tmp_path / "made.mp4"])


def test_no_two_recorders_have_the_same_footage():
    shots = [shot.seed for recorder in range(6) for shot in duty_shots(recorder)]
    assert len(set(shots)) == len(shots) == 36
