"""Tells by its first bytes which demuxer a file is for; names are only asked what they claim."""

import re

HEAD_BYTES = 1024

MP4, AVI, WAV, MATROSKA, MPEGTS = "mp4", "avi", "wav", "matroska", "mpegts"
MPEG, MP3, AAC, AMR, JPEG = "mpeg", "mp3", "aac", "amr", "jpeg"

_MEDIA_NAME = re.compile(
    r".*\.(3gp|aac|amr|avi|jpe?g|m2ts|m4a|m4v|mkv|mov|mp3|mp4|mpe?g|mts|ts|wav|webm)",
    re.DOTALL | re.IGNORECASE,
)
_STARTS = (
    (re.compile(rb".{4}(ftyp|moov|mdat|wide)", re.DOTALL), MP4),
    (re.compile(rb"RIFF.{4}AVI ", re.DOTALL), AVI),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), WAV),
    (re.compile(rb"\x1aE\xdf\xa3"), MATROSKA),
    (re.compile(rb"G.{187}G.{187}G", re.DOTALL), MPEGTS),
    (re.compile(rb".{4}G.{191}G.{191}G", re.DOTALL), MPEGTS),
    (re.compile(rb"\x00\x00\x01\xba"), MPEG),
    (re.compile(rb"\xff\xd8\xff"), JPEG),
    (re.compile(rb"#!AMR"), AMR),
    (re.compile(rb"ID3|\xff[\xfb\xfa\xf3\xf2]"), MP3),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), AAC),
)


def demuxer_of(head: bytes) -> str | None:
    """Return the only demuxer that may parse a file beginning with `head`; None for no media."""
    return next((demuxer for start, demuxer in _STARTS if start.match(head)), None)


def claims_to_be_media(name: str) -> bool:
    """Tell whether a file name ends as those of video, photo or audio do."""
    return _MEDIA_NAME.fullmatch(name) is not None
