"""Templates become pages: every value escaped, what prints nothing made visible (faults W01)."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contracts.text import Language, Text
from station import showing

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
    environment.filters.update(_filters(language, zone))
    return environment


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


def _final(language: Language, value: object) -> object:
    if isinstance(value, Text):
        value = value.speak(language)
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
