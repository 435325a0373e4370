"""Makes one whole file of each kind a recorder may hold."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av

from demo.media import make_audio, make_photo, make_video

STARTED_AT = datetime(2026, 8, 1, 0, 30, tzinfo=UTC)


def make_every_kind(folder: Path) -> None:
    make_video(folder / "video.mp4", 6, (320, 180), STARTED_AT, 1)
    make_audio(folder / "sound.m4a", 3, STARTED_AT, 1)
    make_photo(folder / "photo.jpg", (640, 360), 1)
    _remux(folder / "video.mp4", folder / "streamed.mp4", "mp4", {"movflags": "faststart"})
    _remux(folder / "video.mp4", folder / "pieces.mp4", "mp4", {"movflags": "frag_keyframe"})
    for kind, demuxer in (("mkv", "matroska"), ("ts", "mpegts")):
        _remux(folder / "video.mp4", folder / f"video.{kind}", demuxer, {})
    _remux(folder / "sound.m4a", folder / "sound.aac", "adts", {})
    _make_avi(folder / "video.avi")
    _make_wav(folder / "sound.wav")


def _remux(source: Path, target: Path, demuxer: str, options: dict[str, str]) -> None:
    with (
        av.open(str(source)) as whole,
        av.open(str(target), "w", format=demuxer, options=options) as other,
    ):
        other.metadata["creation_time"] = STARTED_AT.isoformat()
        streams = {stream: other.add_stream_from_template(stream) for stream in whole.streams}
        for packet in whole.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                other.mux(packet)


def _make_avi(path: Path) -> None:
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuvj420p"
        for index in range(100):
            frame = av.VideoFrame(160, 90, "yuvj420p")
            for plane in frame.planes:
                plane.update(bytes([index]) * plane.buffer_size)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _make_wav(path: Path) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame(format="s16", layout="mono", samples=8000)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
