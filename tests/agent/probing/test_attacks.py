import random
import struct

import pytest

from agent.probing.probe import FILES_PER_CHILD, Probe

FRAME_HEADER = b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"


def _mutant(raw: bytes, rng: random.Random) -> bytes:
    body = bytearray(raw)
    index = max(raw.rfind(b"moov"), 0)
    for _ in range(rng.randint(1, 40)):
        place = rng.choice([rng.randrange(len(body)), rng.randrange(index, len(body))])
        body[place] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    head = raw[:12]  # so that the demuxer is reached
    return head + bytes(body[12 : rng.choice([len(body), rng.randrange(13, len(body))])])


@pytest.mark.parametrize("seed", range(8))
def test_mutated_media_neither_hangs_nor_kills_the_child(shared_probe, media, tmp_path, seed):
    rng = random.Random(seed)
    shared_probe.walls()
    child = shared_probe._child.process.pid
    originals = [path.read_bytes() for path in sorted(media.iterdir())]
    path = tmp_path / "mutant.mp4"
    for number in range(50):
        path.write_bytes(_mutant(originals[number % len(originals)], rng))
        shared_probe.look(path, path.name)
        # A hang or a crash would have cost the child; too much memory is its own clean answer.
        assert shared_probe._child.process.pid == child


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile {canary}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{canary}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>{canary}</BaseURL></Period></MPD>',
    ],
)
def test_a_play_list_named_as_a_video_leads_nowhere(look, media, tmp_path, text):
    path = tmp_path / "list.mp4"
    path.write_text(text.format(canary=media / "video.mp4"))
    facts = look(path)
    assert (facts.verdict, facts.codecs) == ("unreadable", ())


def test_a_recording_that_names_another_file_leads_nowhere(look, media, tmp_path):
    raw = (media / "video.mp4").read_bytes()
    own_data = struct.pack(">I4sI", 12, b"url ", 1)
    assert own_data in raw
    path = tmp_path / "a.mp4"
    path.write_bytes(raw.replace(own_data, struct.pack(">I4sI", 12, b"url ", 0)))
    assert look(path).verdict in {"readable", "unreadable"}


def test_a_picture_of_65535_squared_is_not_unpacked(look, tmp_path):
    path = tmp_path / "bomb.jpg"
    path.write_bytes(b"\xff\xd8" + FRAME_HEADER + b"\xff\xda\x00\x02\x00\xff\xd9")
    facts = look(path)
    assert (facts.verdict, facts.width, facts.height) == ("readable", 65535, 65535)


def test_a_recording_of_boxes_without_end_is_answered(look, tmp_path):
    path = tmp_path / "boxes.mp4"
    path.write_bytes(
        struct.pack(">I4sI", 12, b"ftyp", 0) + struct.pack(">I4s", 8, b"free") * 200_000
    )
    assert look(path).verdict in {"truncated", "unreadable"}


def test_thousands_of_small_files_need_no_child(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("a line")
    with Probe() as probe:
        verdicts = {probe.look(path, path.name).verdict for _ in range(20_000)}
        assert (verdicts, probe._child) == ({"not_media"}, None)


def test_a_child_is_replaced_after_its_share_of_files(media):
    with Probe() as probe:
        probe.look(media / "photo.jpg", "photo.jpg")
        first = probe._child
        assert first is not None
        first.looks = FILES_PER_CHILD
        assert probe.look(media / "photo.jpg", "photo.jpg").verdict == "readable"
        assert probe._child is not first
        assert first.process.returncode is not None
