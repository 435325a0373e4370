"""What small files on a card tell: the recorder's number and its battery, as its profile says."""

import re

from agent.core.profile import NumberMark

MARK_BYTES = 64 * 1024
_NUMBER_LETTERS = 64
_FULL_PERCENT = 100


def number_in(raw: bytes, mark: NumberMark) -> str | None:
    """Return the device number in a file that tells it; None where it does not."""
    if not mark.key:
        return _number(_decoded(raw).partition("\n")[0].partition(mark.separator)[0])
    wanted = {section.lower() for section in mark.sections}
    section = ""
    for line in _decoded(raw).splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[]").strip().lower()
        key, equals, value = text.partition("=")
        is_here = not wanted or section in wanted
        if equals and is_here and key.strip().lower() == mark.key.lower():
            return _number(value)
    return None


def percent_in(raw: bytes, key: str) -> int | None:
    """Return the last percentage that a file gives for a key ("Battery0=87"), or None."""
    said = re.findall(rf"\b{re.escape(key)}\s*=\s*(\d{{1,3}})\b", _decoded(raw), re.IGNORECASE)
    percent = int(said[-1]) if said and len(raw) < MARK_BYTES else None  # the end may be missing
    return percent if percent is not None and percent <= _FULL_PERCENT else None


def why_unknown(raw: bytes | None, file: str, key: str) -> str:
    """Return why a file (None: nothing was read) gives no percentage, `中文 / English`."""
    if raw is None:
        return f"{file} 不在卡上或读不出 / {file} is not on the card, or cannot be read"
    if len(raw) >= MARK_BYTES:
        return f"{file} 过长 / {file} is too long"
    if not re.search(rf"\b{re.escape(key)}\s*=", _decoded(raw), re.IGNORECASE):
        return f"{file} 中没有 {key} = … / {file} has no {key} = …"
    return f"{file} 中的 {key} 不是百分比 / {key} in {file} is no percentage"


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def _number(text: str) -> str | None:
    number = text.strip().strip('"').strip()
    return number if number.isprintable() and 0 < len(number) <= _NUMBER_LETTERS else None
