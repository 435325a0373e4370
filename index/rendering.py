"""What the office's templates may use, in the words of the index."""

from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from contracts.text import Language
from index import office, showing
from index.core.alerts import local_text
from look.rendering import Renderer
from look.translating import read_catalogue

TEMPLATES = Path(__file__).parent / "templates"
LOCALE = Path(__file__).parent / "locale"


def english() -> dict[str, str]:
    """Return the English of every phrase in the templates."""
    return read_catalogue(LOCALE / "en.po")


def renderer(zone: ZoneInfo) -> Renderer:
    """Return what fills the office's templates."""
    return Renderer(TEMPLATES, english(), partial(_filters, zone), _words())


def _filters(zone: ZoneInfo, _language: Language) -> dict[str, object]:
    def second(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    def short_day(day: date) -> str:
        return f"{day:%m-%d}"

    return {
        "alert_mark": showing.alert_mark,
        "day": showing.show_day,
        "entry_word": showing.show_entry,
        "kind": showing.show_kind,
        "mark": office.mark_of,
        "moment": partial(local_text, zone=zone),
        "second": second,
        "short_day": short_day,
        "since": showing.since,
        "station_mark": showing.station_mark,
        "weekday": showing.show_weekday,
    }


def _words() -> dict[str, object]:
    return {
        "ANSWERS": showing.ANSWERS,
        "MARKS": showing.MARKS,
        "OUTCOMES": showing.OUTCOMES,
        "REMEDIES": showing.REMEDIES,
    }
