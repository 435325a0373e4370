import os
import struct

import pytest

from agent.core.recorder import MediaFacts
from agent.probing.child import ENDS_EARLY
from agent.probing.probe import NAMED_SO_ONLY
from agent.probing.structure import NEVER_CLOSED, NO_END_MARKER, NO_INDEX
from tests.support.footage import STARTED_AT


def test_a_video_tells_codecs_size_length_and_start(look, media):
    assert look(media / "video.mp4") == MediaFacts(
        "readable", "mp4", ("h264", "aac"), 320, 180, 6000, STARTED_AT
    )


def test_a_photo_tells_its_size(look, media):
    assert look(media / "photo.jpg") == MediaFacts("readable", "jpeg", ("jpeg",), 640, 360)


def test_a_sound_recording_tells_length_and_start(look, media):
    facts = look(media / "sound.m4a")
    assert (facts.verdict, facts.codecs, facts.duration_ms, facts.started_at) == (
        "readable",
        ("aac",),
        3000,
        STARTED_AT,
    )


@pytest.mark.parametrize(
    ("name", "container"),
    [
        ("streamed.mp4", "mp4"),
        ("pieces.mp4", "mp4"),
        ("video.mkv", "matroska"),
        ("video.ts", "mpegts"),
        ("video.avi", "avi"),
        ("sound.aac", "aac"),
        ("sound.wav", "wav"),
    ],
)
def test_every_kind_a_recorder_makes_is_readable(look, media, name, container):
    facts = look(media / name)
    assert (facts.verdict, facts.container, facts.detail) == ("readable", container, "")


@pytest.mark.parametrize("length", [0.02, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize(
    "name",
    ["video.mp4", "streamed.mp4", "pieces.mp4", "video.mkv", "video.avi", "sound.m4a", "photo.jpg"],
)
def test_a_file_cut_anywhere_is_truncated(look, cut, name, length):
    assert look(cut(name, length)).verdict == "truncated"


@pytest.mark.parametrize("name", ["sound.wav", "video.ts"])
def test_cut_sound_and_streams_are_truncated(look, cut, name):
    assert look(cut(name, 0.61)).verdict == "truncated"


def test_a_cut_file_with_its_index_in_front_still_tells_what_it_was(look, cut):
    facts = look(cut("streamed.mp4", 0.6))
    assert (facts.codecs, facts.width, facts.started_at) == (("h264", "aac"), 320, STARTED_AT)


def test_a_recording_without_its_index_is_truncated(look, media, tmp_path):
    raw = (media / "video.mp4").read_bytes()
    path = tmp_path / "a.mp4"
    path.write_bytes(raw[: raw.rindex(b"moov") - 4])
    assert look(path).detail == str(NO_INDEX)


def test_content_that_ends_before_its_index_says_is_truncated(look, media, tmp_path):
    raw = bytearray((media / "streamed.mp4").read_bytes())
    content = raw.index(b"mdat") - 4
    raw[content : content + 4] = bytes(4)  # a length of 0: to the end of the file
    path = tmp_path / "a.mp4"
    path.write_bytes(raw[: len(raw) // 3])
    facts = look(path)
    assert facts.verdict == "truncated"
    assert facts.detail.startswith(ENDS_EARLY.zh[:4])


def test_an_avi_whose_header_was_never_completed_is_truncated(look, media, tmp_path):
    raw = bytearray((media / "video.avi").read_bytes())
    raw[4:8] = bytes(4)
    path = tmp_path / "a.avi"
    path.write_bytes(raw)
    assert look(path).detail == str(NEVER_CLOSED)


def test_padding_after_the_end_is_no_fault(look, media, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes((media / "video.mp4").read_bytes() + bytes(4096))
    assert look(path).verdict == "readable"


def test_a_photo_with_a_thumbnail_is_not_whole_by_the_thumbnails_end(look, media, tmp_path):
    raw = (media / "photo.jpg").read_bytes()
    small = raw[:20_000] + b"\xff\xd9"
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + len(small)) + small
    path = tmp_path / "a.jpg"
    path.write_bytes(raw[:2] + thumbnail + raw[2:-100])
    facts = look(path)
    assert (facts.verdict, facts.detail) == ("truncated", str(NO_END_MARKER))


def test_a_video_whose_pictures_are_noise_is_unreadable(look, media, tmp_path):
    raw = (media / "streamed.mp4").read_bytes()
    start = raw.index(b"mdat") + 4
    path = tmp_path / "a.mp4"
    path.write_bytes(raw[:start] + os.urandom(len(raw) - start))
    assert look(path).verdict == "unreadable"


def test_text_is_no_media(look, tmp_path):
    path = tmp_path / "PARAM.INI"
    path.write_text("[device]\nnumber=000001\n")
    assert look(path) == MediaFacts("not_media")


@pytest.mark.parametrize("content", [b"", bytes(4096), b"no video at all"])
def test_a_name_that_promises_video_without_video_is_unreadable(look, tmp_path, content):
    path = tmp_path / "a.MP4"
    path.write_bytes(content)
    assert look(path) == MediaFacts("unreadable", detail=str(NAMED_SO_ONLY))


def test_the_name_given_by_the_recorder_counts_not_the_name_in_the_archive(shared_probe, tmp_path):
    path = tmp_path / "ab12"
    path.write_bytes(b"no video at all")
    assert shared_probe.look(path, "video.mp4").verdict == "unreadable"


def test_a_copy_that_is_not_there_is_unparsed(look, tmp_path):
    assert look(tmp_path / "absent.mp4").verdict == "unparsed"


def test_a_link_is_not_followed(look, media, tmp_path):
    (tmp_path / "a.mp4").symlink_to(media / "video.mp4")
    assert look(tmp_path / "a.mp4").verdict == "unparsed"
