"""Templates become pages: every value escaped, what prints nothing made visible (faults W01)."""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contracts.text import Language, Text
from index import office, showing
from index.core.alerts import local_text

TEMPLATES = Path(__file__).parent / "templates"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_KEPT = frozenset("\n\t")


class Renderer:
    """Fills templates in both languages; one for each running server."""

    def __init__(self, english: Mapping[str, str], zone: ZoneInfo) -> None:
        self._environments: dict[Language, Environment] = {
            "zh": _environment("zh", zone, {}),
            "en": _environment("en", zone, english),
        }

    def render(self, template: str, language: Language, values: Mapping[str, object]) -> str:
        """Return a page's HTML."""
        environment = self._environments[language]
        return environment.get_template(template).render({**values, "language": language})


def visible(text: str) -> str:
    r"""Return text in which what prints nothing or turns the writing direction reads `\u{202e}`."""
    if text.isprintable():
        return text
    return "".join(
        f"\\u{{{ord(char):x}}}"
        if unicodedata.category(char) in _UNSEEN and char not in _KEPT
        else char
        for char in text
    )


def _environment(language: Language, zone: ZoneInfo, messages: Mapping[str, str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=partial(_final, language),
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        lambda message: messages.get(message, message),
        lambda one, many, count: messages.get(one, one),
        newstyle=True,
    )
    environment.filters.update(_filters(zone))
    environment.globals.update(_words())
    return environment


def _filters(zone: ZoneInfo) -> dict[str, object]:
    def second(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    def short_day(day: date) -> str:
        return f"{day:%m-%d}"

    return {
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
        "ALERTS": showing.ALERTS,
        "ANSWERS": showing.ANSWERS,
        "MARKS": showing.MARKS,
        "OUTCOMES": showing.OUTCOMES,
    }


def _final(language: Language, value: object) -> object:
    if isinstance(value, Text):
        value = value.speak(language)
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
