"""The profiles that docs/recorders/serial.md declares, and the device each was declared for."""

import re
import tomllib
from pathlib import Path

from tests.support.emulators.serial_recorder import (
    BadgeReader,
    ByteRecorder,
    ChargeBoard,
    TextRecorder,
)

PAGE = Path(__file__).parents[2] / "docs/recorders/serial.md"
_BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TEXT_PROFILE, _, BOARD_PROFILE, BADGE_PROFILE = _BLOCKS
TEXT, BYTES, BOARD, BADGE = (tomllib.loads(block)["language"]["options"] for block in _BLOCKS)
RECORDERS = {"text": (TEXT, TextRecorder), "bytes": (BYTES, ByteRecorder)}
HARDWARE = {"board": (BOARD, ChargeBoard), "badge": (BADGE, BadgeReader)}
PROFILES = tuple(map(tomllib.loads, _BLOCKS))
