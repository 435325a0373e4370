"""What the kiosk's templates may use, in the words of the station."""

from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from contracts.text import Language
from look.rendering import Renderer
from look.translating import read_catalogue
from station import showing

TEMPLATES = Path(__file__).parent / "templates"
LOCALE = Path(__file__).parent / "locale"


def english() -> dict[str, str]:
    """Return the English of every phrase in the templates."""
    return read_catalogue(LOCALE / "en.po")


def renderer(zone: ZoneInfo) -> Renderer:
    """Return what fills the kiosk's templates."""
    return Renderer(TEMPLATES, english(), partial(_filters, zone=zone), {})


def _filters(language: Language, zone: ZoneInfo) -> dict[str, object]:
    def day(at: datetime) -> str:
        return showing.show_day(at, zone).speak(language)

    def duration(seconds: float) -> str:
        return showing.show_duration(seconds).speak(language)

    return {
        "bytes": showing.show_bytes,
        "day": day,
        "duration": duration,
        "moment": partial(showing.show_moment, zone=zone),
        "second": partial(showing.show_second, zone=zone),
    }
