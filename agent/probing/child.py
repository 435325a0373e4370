"""The confined process that parses media: gets open descriptors, answers in JSON, has no paths.

Started by `agent.probing.probe` with a socket as its standard input; the only importer of PyAV.
"""

import errno
import io
import json
import os
import signal
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import av
import av.error
import av.logging

from agent import walls
from agent.core.recorder import MediaFacts
from agent.probing import confinement, magic, structure
from contracts.errors import ConfinementError
from contracts.text import Text

MOST_ANSWER_BYTES = 64 << 10

ENDS_EARLY = Text("内容在 {end} 秒处结束, 应有 {declared} 秒", "ends at {end} s of {declared} s")
NOT_PARSED = Text("无法解析: {why}", "cannot be parsed: {why}")
TOO_MUCH = Text("需要读取的内容过多", "the parser wants to read too much")
NO_FRAME = Text("解不出任何画面或声音", "not one picture or sound can be decoded")

_MOST_READ_BYTES = 128 << 20  # of one file; a demuxer that wants more is told that it ends
_MOST_PACKETS = 5_000
_TAIL_SECONDS = 2
_MICROSECONDS = 1_000_000
_DECLARES_DURATION = frozenset({magic.MP4, magic.AVI, magic.MATROSKA})
_DECODE_TRIES = 300


class _Window(io.RawIOBase):
    """A descriptor as a read-only file that gives only so much in all."""

    def __init__(self, source: structure.Source) -> None:
        self._source = source
        self._offset = 0
        self._left_bytes = _MOST_READ_BYTES

    @property
    def spent(self) -> bool:
        return self._left_bytes <= 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raw = self._source.read(self._offset, max(0, min(size, self._left_bytes)))
        self._offset += len(raw)
        self._left_bytes -= len(raw)
        return raw

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._source.size}
        self._offset = max(0, start[whence] + offset)
        return self._offset

    def tell(self) -> int:
        return self._offset


def main() -> None:
    """Confine this process, then answer one look after another until the parent closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = socket.socket(fileno=0)
    _warm()
    refusal = None
    up: tuple[str, ...] = ()
    try:
        walls.die_with_parent()
        up = confinement.confine(int(os.environ["MUSTER_PROBE_CPU_SECONDS"]))
    except ConfinementError as error:
        refusal = MediaFacts("unparsed", detail=str(error.text))
    link.send(json.dumps(up).encode())
    while True:
        request, descriptors, _, _ = socket.recv_fds(link, 64, 1)
        if not request:
            return
        facts = refusal or look(descriptors[0], request.decode("ascii"))
        os.close(descriptors[0])
        link.send(_encode(facts))


def look(descriptor: int, demuxer: str) -> MediaFacts:
    """Return what one file holds, parsed by this demuxer and no other."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    source = structure.Source(size, lambda offset, count: os.pread(descriptor, count, offset))
    if demuxer == magic.JPEG:
        return _photo(source)
    short = structure.shortfall(demuxer, source)
    try:
        facts = _recording(source, demuxer)
    except av.error.FFmpegError as error:
        facts = MediaFacts(
            "unparsed" if error.errno == errno.ENOMEM else "unreadable",
            container=demuxer,
            detail=str(NOT_PARSED.fill(why=error.strerror)),
        )
    return replace(facts, verdict="truncated", detail=str(short)) if short else facts


def _warm() -> None:
    """Parse once, well and badly, so that nothing is left to be loaded when files are closed."""
    sound = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 236, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000,
                        1, 8, b"data", 200) + bytes(200)  # fmt: skip
    av.logging.set_level(None)
    for raw in (sound, b"RIFF"):
        try:
            _encode(_recording(_in_memory(raw), magic.WAV))
        except av.error.FFmpegError as error:
            NOT_PARSED.fill(why=error.strerror)
    datetime.fromisoformat("2026-08-01T08:00:00.000000Z").astimezone(UTC).isoformat()


def _in_memory(raw: bytes) -> structure.Source:
    return structure.Source(len(raw), lambda offset, count: raw[offset : offset + count])


def _photo(source: structure.Source) -> MediaFacts:
    found = structure.picture(source)
    facts = MediaFacts("readable", magic.JPEG, ("jpeg",), found.width, found.height)
    if not found.whole:
        return replace(facts, verdict="truncated", detail=str(structure.NO_END_MARKER))
    return facts if found.width else replace(facts, verdict="unreadable", detail=str(NO_FRAME))


def _recording(source: structure.Source, demuxer: str) -> MediaFacts:
    window = _Window(source)
    with av.open(
        window,
        mode="r",
        format=demuxer,
        container_options={"protocol_whitelist": ""},
        metadata_errors="replace",
        io_open=_refuse_another_file,
    ) as container:
        facts = _facts(container, demuxer)
        if not _decodes(container):
            facts = replace(facts, verdict="unreadable", detail=str(NO_FRAME))
        elif demuxer in _DECLARES_DURATION:
            facts = _checked_to_the_end(container, facts)
    if window.spent:
        return replace(facts, verdict="unparsed", detail=str(TOO_MUCH))
    return facts


def _refuse_another_file(*_: object) -> Any:  # noqa: ANN401  # PyAV's signature
    raise PermissionError(1, "a file may not name another one")


def _facts(container: Any, demuxer: str) -> MediaFacts:  # noqa: ANN401  # untyped library
    streams = _decodable(container.streams)
    video = next(iter(_decodable(container.streams.video)), None)
    return MediaFacts(
        "readable",
        container=demuxer,
        codecs=tuple(stream.codec.canonical_name for stream in streams),
        width=video.width if video else None,
        height=video.height if video else None,
        duration_ms=None if container.duration is None else container.duration // 1000,
        started_at=_moment(container.metadata.get("creation_time", "")),
    )


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _decodes(container: Any) -> bool:  # noqa: ANN401
    """Tell whether a first picture (or sound, where there are none) comes out."""
    streams = _decodable((*container.streams.video, *container.streams.audio))
    if not streams:
        return False
    streams[0].codec_context.thread_count = 1  # a confined process cannot start threads
    packets = container.demux(streams[0])
    return any(_frames(packet) for _, packet in zip(range(_DECODE_TRIES), packets, strict=False))


def _decodable(streams: Iterable[Any]) -> list[Any]:
    return [stream for stream in streams if stream.codec_context is not None]


def _frames(packet: Any) -> bool:  # noqa: ANN401
    try:
        return bool(packet.decode())
    except av.error.FFmpegError:  # a stream may begin between two whole pictures
        return False


def _checked_to_the_end(container: Any, facts: MediaFacts) -> MediaFacts:  # noqa: ANN401
    if not container.duration:
        return facts
    declared = container.duration / _MICROSECONDS
    end = _last_end(container, max(0, int((declared - _TAIL_SECONDS) * _MICROSECONDS)))
    if end is None or end >= declared - _TAIL_SECONDS:
        return facts
    detail = ENDS_EARLY.fill(end=round(end, 1), declared=round(declared, 1))
    return replace(facts, verdict="truncated", detail=str(detail))


def _last_end(container: Any, start_microseconds: int) -> float | None:  # noqa: ANN401
    """Return the second at which the last packet ends; None where the file cannot be searched."""
    end = 0.0
    try:
        container.seek(start_microseconds)
    except av.error.FFmpegError:
        return None
    for count, packet in enumerate(_packets(container)):
        if count == _MOST_PACKETS:
            return None
        if packet.pts is not None and packet.size and not packet.is_corrupt:
            start = packet.stream.start_time or 0
            ticks = packet.pts - start + (packet.duration or 0)
            end = max(end, float(ticks * packet.time_base))
    return end


def _packets(container: Any) -> Iterator[Any]:  # noqa: ANN401
    try:
        yield from container.demux()
    except av.error.FFmpegError:  # what cannot be demultiplexed is where the content ends
        return


def _encode(facts: MediaFacts) -> bytes:
    document = asdict(facts)
    document["started_at"] = facts.started_at.isoformat() if facts.started_at else None
    return json.dumps(document).encode()[:MOST_ANSWER_BYTES]


if __name__ == "__main__":
    main()
