"""Reads a file's own account of its size (boxes, chunks, segments, markers): is it all there.

Works on bounded reads only; what the streams hold is the demuxer's business.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from agent.probing import magic
from contracts.text import Text

NO_INDEX = Text("录像没有索引 (moov), 多因断电未写完", "no index (moov): the end was never written")
CUT_SHORT = Text(
    "文件应有 {declared} 字节, 实有 {size} 字节", "says it has {declared} bytes, has {size}"
)
NEVER_CLOSED = Text("文件头未写完, 多因断电", "the header was never completed")
PARTIAL_PACKET = Text("末尾的数据包不完整", "the last packet is incomplete")
NO_END_MARKER = Text("照片没有结束标记", "the picture has no end marker")

_MOST_BOXES = 100_000
_MOST_JPEG_BYTES = 64 << 20
_UNKNOWN_RIFF_SIZE = 0xFFFFFFFF
_JPEG_FRAME = re.compile(rb"[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]")
# In entropy-coded data FF is followed by 00 (a literal), a restart marker or a fill byte.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes: `read(offset, count)` returns fewer only at the end."""

    size: int
    read: Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the markers of a JPEG say; `whole` when they end as they must."""

    width: int | None = None
    height: int | None = None
    whole: bool = False


def shortfall(demuxer: str, source: Source) -> Text | None:
    """Return why the file is not all there; None when it is, or when its format does not say."""
    check = _CHECKS.get(demuxer)
    return check(source) if check else None


def picture(source: Source) -> Picture:
    """Walk the markers of a JPEG."""
    raw = source.read(0, min(source.size, _MOST_JPEG_BYTES))
    offset, width, height = 2, None, None
    while offset + 4 <= len(raw) and raw[offset] == 0xFF:  # noqa: PLR2004  # a marker
        marker = raw[offset + 1 : offset + 2]
        if _JPEG_FRAME.match(marker) and offset + 9 <= len(raw):
            height = int.from_bytes(raw[offset + 5 : offset + 7])
            width = int.from_bytes(raw[offset + 7 : offset + 9])
        offset += 2 + int.from_bytes(raw[offset + 2 : offset + 4])
        if marker == b"\xda":
            found = _NEXT_MARKER.search(raw, offset)
            if found is None or found[0] == b"\xff\xd9":
                return Picture(width, height, whole=found is not None)
            offset = found.start()
    return Picture(width, height)


def _boxes_shortfall(source: Source) -> Text | None:
    """Walk the top level of an ISO base media file (ISO/IEC 14496-12, 4.2)."""
    offset, has_index = 0, False
    for _ in range(_MOST_BOXES):
        head = source.read(offset, 16)
        if len(head) < 8 or not _is_box_type(head[4:8]):  # noqa: PLR2004  # trailing padding
            break
        length = _box_length(head) or source.size - offset
        has_index = has_index or head[4:8] == b"moov"
        if offset + length > source.size:
            return CUT_SHORT.fill(declared=offset + length, size=source.size)
        offset += max(length, 8)
    return None if has_index else NO_INDEX


def _is_box_type(kind: bytes) -> bool:
    return kind.isascii() and kind.decode("ascii").isprintable()


def _box_length(head: bytes) -> int:
    length = int.from_bytes(head[:4])
    return int.from_bytes(head[8:16]) if length == 1 else length


def _riff_shortfall(source: Source) -> Text | None:
    """Walk the RIFF chunks; an OpenDML AVI has several."""
    offset = 0
    while offset < source.size:
        head = source.read(offset, 8)
        if head[:4] != b"RIFF":
            return None
        length = int.from_bytes(head[4:8], "little")
        if length == 0:
            return NEVER_CLOSED
        offset += 8 + length + length % 2
        if length != _UNKNOWN_RIFF_SIZE and offset - length % 2 > source.size:
            return CUT_SHORT.fill(declared=offset, size=source.size)
    return None


def _segment_shortfall(source: Source) -> Text | None:
    """Compare the length of the Matroska segment, the element after the header, with the file."""
    header_end = _element_end(source, 0, id_bytes=4)
    end = _element_end(source, header_end, id_bytes=4) if header_end else None
    if end is None or end <= source.size:
        return None
    return CUT_SHORT.fill(declared=end, size=source.size)


def _element_end(source: Source, offset: int, id_bytes: int) -> int | None:
    """Return where an EBML element ends (RFC 8794, 6.2); None when it does not say."""
    raw = source.read(offset + id_bytes, 8)
    if not raw or raw[0] == 0:
        return None
    length_bytes = 9 - raw[0].bit_length()
    value = int.from_bytes(raw[:length_bytes]) & ((1 << 7 * length_bytes) - 1)
    unknown = value == (1 << 7 * length_bytes) - 1
    return None if unknown else offset + id_bytes + length_bytes + value


def _packets_shortfall(source: Source) -> Text | None:
    packet_bytes = 188 if source.read(0, 1) == b"G" else 192
    return PARTIAL_PACKET if source.size % packet_bytes else None


_CHECKS: dict[str, Callable[[Source], Text | None]] = {
    magic.MP4: _boxes_shortfall,
    magic.AVI: _riff_shortfall,
    magic.WAV: _riff_shortfall,
    magic.MATROSKA: _segment_shortfall,
    magic.MPEGTS: _packets_shortfall,
}
