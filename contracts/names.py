"""Names that come from cards: shown to people, made safe for folders, read for the time in them.

A name is raw bytes that anyone may have chosen. Nothing here touches a file.
"""

import re
import unicodedata
from datetime import datetime

SHOWN_MAX = 300
_NAME_BYTES = 200
_RECORDER_BYTES = 40  # with the time, two `_` and a number of its own, a view's name fits 255
_SUFFIX_BYTES = 16
_YEARS = range(2010, 2100)

# Letters by their category that print nothing, so that two names would look the same.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNSAFE = frozenset('/\\:*?"<>|')
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL
)
_TIME = re.compile(
    r"(?=(?<!\d)(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)"  # a look-ahead, so that finds may overlap
    r"[-_.T ]?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?:\d{3})?(?!\d))"
)


def visible(text: str) -> str:
    r"""Return text in which what prints nothing or turns the writing direction reads `\u{202e}`.

    Lines and tabs stay: this is for pages, logs and terminals, not for names to be told apart.
    """
    if text.isprintable():
        return text
    return "".join(f"\\u{{{ord(char):x}}}" if _is_hidden(char) else char for char in text)


def display(raw: bytes) -> str:
    r"""Return a name as people read it; two names never look the same.

    What prints nothing, turns the writing direction or is no UTF-8 is written `\u{202e}` or
    `\xff`, and a backslash as two.
    """
    text = raw.decode("utf-8", "surrogateescape")
    if _is_plain(text) and "\\" not in text:
        return text
    return "".join(map(_shown, text))


def shown(raw: bytes) -> str:
    """Return a name as people read it, short enough to stand three times in one entry."""
    text = display(raw)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"


def safe_name(raw: bytes) -> str:
    """Return a name that any file system and any program takes, at most 200 bytes of UTF-8."""
    return _safe(raw, _NAME_BYTES)


def name_time(raw: bytes) -> datetime | None:
    """Return the local time of day that a recorder put into a file's name, if it did."""
    found = split_time(raw)
    return found and found[1]


def split_time(raw: bytes) -> tuple[bytes, datetime, bytes] | None:
    """Return what stands before the time in a file's name, the time, and what stands after it."""
    own = raw.rpartition(b"/")[2]
    name = own.decode("ascii", "replace")  # a letter for each byte
    for found in _TIME.finditer(name):
        try:
            moment = datetime(*map(int, found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - the recorder's own clock has no zone
        except ValueError:
            continue
        if moment.year in _YEARS:
            return own[: found.start(1)], moment, own[found.end(6) :]
    return None


def view_path(recorded_at: datetime, recorder: str, raw_path: bytes) -> str:
    """Return where people look for footage: `<year>/<month>/<day>/<HHMMSS>_<recorder>_<name>`.

    `recorded_at` is the local time, without a zone, that the recording began.
    """
    name = safe_name(raw_path.rpartition(b"/")[2])
    number = _safe(recorder.encode("utf-8", "surrogatepass"), _RECORDER_BYTES)
    return f"{recorded_at:%Y/%m/%d/%H%M%S}_{number}_{name}"


def _is_plain(text: str) -> bool:
    """Tell, for a card of thousands of names, whether none of its letters need be looked at."""
    return text.isprintable() and _BLANK.isdisjoint(text)


def _shown(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return f"\\u{{{ord(char):x}}}" if _is_unseen(char) else char


def _is_hidden(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in _UNSEEN - {"Cn"}


def _is_unseen(char: str) -> bool:
    return char in _BLANK or unicodedata.category(char) in _UNSEEN


def _safe(raw: bytes, limit: int) -> str:
    name = raw.decode("utf-8", "surrogateescape")
    if not (_is_plain(name) and _UNSAFE.isdisjoint(name)):
        name = "".join("_" if char in _UNSAFE or _is_unseen(char) else char for char in name)
    name = re.sub(r"^[. ]+|[. ]+$", "_", name) or "_"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return _shortened(name, limit)


def _shortened(name: str, limit: int) -> str:
    if len(name.encode()) <= limit:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = f".{suffix}" if dot and len(suffix.encode()) < _SUFFIX_BYTES else ""
    stem = name.removesuffix(ending)
    room = limit - len(ending.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + ending
