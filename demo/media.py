"""Makes real footage for the demo and the tests: moving pictures with a tone, photos, sound.

The same wishes give the same bytes. What was made once is kept in a cache folder, undated; a copy
put on a card is dated then.
"""

import math
import os
import random
import shutil
import struct
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import av

Size = tuple[int, int]
Kind = Literal["video", "photo", "audio"]

FRAMES_PER_SECOND = 25
_SOUND_RATE = 16_000
_SOUND_FRAME = 1024
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
_MP4_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)  # ISO/IEC 14496-12, 8.2.2
_GRAIN = bytes(102 + value // 5 for value in range(256))
_SUFFIXES: dict[Kind, str] = {"video": ".mp4", "photo": ".jpg", "audio": ".m4a"}


@dataclass(frozen=True, slots=True)
class Shot:
    """One file a recorder made: what, how long, begun how long after the duty began."""

    kind: Kind
    seconds: int
    seed: int
    after: timedelta = timedelta()
    size: Size = (640, 360)


def duty_shots(recorder: int) -> tuple[Shot, ...]:
    """Return the six files of one recorder's duty, about 17 MB; no two recorders have the same."""
    plan: tuple[tuple[Kind, int, int], ...] = (
        ("video", 2, 0),
        ("photo", 0, 9),
        ("video", 3, 31),
        ("audio", 8, 74),
        ("photo", 0, 75),
        ("video", 1, 128),
    )
    return tuple(
        Shot(kind, seconds, recorder * 100 + place, timedelta(minutes=minutes))
        for place, (kind, seconds, minutes) in enumerate(plan)
    )


def prepare(shots: tuple[Shot, ...], cache: Path) -> None:
    """Make, on all processors, what the cache does not hold yet."""
    cache.mkdir(parents=True, exist_ok=True)
    absent = [shot for shot in dict.fromkeys(shots) if not _cached(shot, cache).exists()]
    if absent:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as makers:
            list(makers.map(_make, absent, [_cached(shot, cache) for shot in absent]))


def put_on_card(shots: tuple[Shot, ...], cache: Path, card: Path, began_at: datetime) -> list[Path]:
    """Copy the shots to a card's folder, dated and named as a recorder does; return the files.

    Each file's modification time is the end of its recording.
    """
    prepare(shots, cache)
    card.mkdir(parents=True, exist_ok=True)
    return [_put(shot, cache, card, began_at + shot.after) for shot in shots]


def make_video(path: Path, seconds: float, size: Size, started_at: datetime, seed: int) -> None:
    """Make an H.264 and AAC MP4 of a grainy picture with a moving bar and a tone."""
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = _written(started_at)
        picture = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        picture.width, picture.height = size
        picture.pix_fmt = "yuv420p"
        picture.options = {"preset": "ultrafast", "crf": "14", "threads": "1", "g": "25"}
        sound = _add_sound(container)
        for second in range(math.ceil(seconds)):
            span = min(1.0, seconds - second)
            _encode(container, picture, _pictures(size, second, span, seed))
            _encode(container, sound, _tone(second, span, seed))
        _flush(container)


def make_photo(path: Path, size: Size, seed: int) -> None:
    """Make a JPEG of a grainy picture."""
    with av.open(str(path), "w", format="mjpeg") as container:
        picture = container.add_stream("mjpeg", rate=1)
        picture.width, picture.height = size
        picture.pix_fmt = "yuvj420p"
        frame = next(_pictures(size, 0, 1.0, seed)).reformat(format="yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1)
        _encode(container, picture, iter([frame]))
        _flush(container)


def make_audio(path: Path, seconds: float, started_at: datetime, seed: int) -> None:
    """Make an AAC sound recording (m4a) of a tone."""
    with av.open(str(path), "w", format="ipod") as container:
        container.metadata["creation_time"] = _written(started_at)
        sound = _add_sound(container)
        for second in range(math.ceil(seconds)):
            _encode(container, sound, _tone(second, min(1.0, seconds - second), seed))
        _flush(container)


def date(path: Path, started_at: datetime) -> None:
    """Write another creation time into an MP4 or m4a made here."""
    raw = bytearray(path.read_bytes())
    moment = struct.pack(">I", int((started_at - _MP4_EPOCH).total_seconds()))
    index = raw.rindex(b"moov")
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        place = raw.find(kind, index)
        while place >= 0:
            raw[place + 8 : place + 16] = moment * 2  # created, modified: after version and flags
            place = raw.find(kind, place + 4)
    path.write_bytes(raw)


def _cached(shot: Shot, cache: Path) -> Path:
    wish = f"1 {shot.kind} {shot.seconds} {shot.size} {shot.seed} {av.__version__}"
    return cache / f"{sha256(wish.encode()).hexdigest()[:24]}{_SUFFIXES[shot.kind]}"


def _make(shot: Shot, path: Path) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    if shot.kind == "video":
        make_video(part, shot.seconds, shot.size, _UNDATED, shot.seed)
    elif shot.kind == "photo":
        make_photo(part, (shot.size[0] * 2, shot.size[1] * 2), shot.seed)
    else:
        make_audio(part, shot.seconds, _UNDATED, shot.seed)
    part.replace(path)


def _put(shot: Shot, cache: Path, card: Path, started_at: datetime) -> Path:
    stem = f"DCAM_CAM001_000001_{started_at:%Y%m%d_%H%M%S}"
    path = card / f"{stem}{_SUFFIXES[shot.kind]}"
    shutil.copyfile(_cached(shot, cache), path)
    if shot.kind != "photo":
        date(path, started_at)
    ended = started_at.timestamp() + shot.seconds
    os.utime(path, (ended, ended))
    return path


def _pictures(size: Size, second: int, span: float, seed: int) -> Iterator[Any]:
    width, height = size
    area = width * height
    grain = random.Random(f"{seed} {second}").randbytes(area * 2).translate(_GRAIN)  # noqa: S311
    for number in range(max(1, round(span * FRAMES_PER_SECOND))):
        index = second * FRAMES_PER_SECOND + number
        light = bytearray(grain[number * 7919 % area :][:area])
        bar = index * 4 % (width - 16)
        for row in range(0, area, width):
            light[row + bar : row + bar + 16] = b"\xeb" * 16
        yield _frame(size, bytes(light), (seed * 37 + index) % 128 + 64, index)


def _frame(size: Size, light: bytes, colour: int, index: int) -> Any:  # noqa: ANN401  # untyped
    frame = av.VideoFrame(*size, "yuv420p")
    width, height = size
    line_bytes = frame.planes[0].line_size
    padding = bytes(line_bytes - width)
    rows = (light[row : row + width] for row in range(0, width * height, width))
    frame.planes[0].update(b"".join(row + padding for row in rows))
    frame.planes[1].update(bytes([colour]) * frame.planes[1].buffer_size)
    frame.planes[2].update(bytes([255 - colour]) * frame.planes[2].buffer_size)
    frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_SECOND)
    return frame


def _tone(second: int, span: float, seed: int) -> Iterator[Any]:
    """Yield one second of a sine whose pitch comes from the seed."""
    hertz = 220 + seed % 12 * 20
    first = second * _SOUND_RATE
    last = first + round(span * _SOUND_RATE)
    for start in range(first, last, _SOUND_FRAME):
        count = min(_SOUND_FRAME, last - start)
        turns = (hertz * (start + n) / _SOUND_RATE for n in range(count))
        samples = struct.pack(f"<{count}f", *(0.3 * math.sin(2 * math.pi * t) for t in turns))
        frame = av.AudioFrame(format="fltp", layout="mono", samples=count)
        frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = _SOUND_RATE, start
        frame.time_base = Fraction(1, _SOUND_RATE)
        yield frame


def _add_sound(container: Any) -> Any:  # noqa: ANN401
    sound = container.add_stream("aac", rate=_SOUND_RATE)
    sound.layout = "mono"
    return sound


def _encode(container: Any, stream: Any, frames: Iterator[Any]) -> None:  # noqa: ANN401
    for frame in frames:
        container.mux(stream.encode(frame))


def _flush(container: Any) -> None:  # noqa: ANN401
    for stream in container.streams:
        container.mux(stream.encode(None))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
