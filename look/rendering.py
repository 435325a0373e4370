"""Templates become pages: every value escaped, what prints nothing made visible (faults W01)."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contracts.names import visible
from contracts.text import Language, Text

Words = Callable[[Language], Mapping[str, object]]


class Renderer:
    """Fills a folder's templates in both languages; one for each running server.

    `english` translates the templates' Chinese; `filters` and `words` are what the templates may
    use, in each language.
    """

    def __init__(
        self,
        templates: Path,
        english: Mapping[str, str],
        filters: Words,
        words: Mapping[str, object],
    ) -> None:
        self._environments: dict[Language, Environment] = {
            "zh": _environment(templates, "zh", {}),
            "en": _environment(templates, "en", english),
        }
        for language, environment in self._environments.items():
            environment.filters.update(filters(language))
            environment.globals.update(words)

    def render(self, template: str, language: Language, values: Mapping[str, object]) -> str:
        """Return a page's HTML."""
        environment = self._environments[language]
        return environment.get_template(template).render({**values, "language": language})


def _environment(templates: Path, language: Language, messages: Mapping[str, str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
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
    return environment


def _final(language: Language, value: object) -> object:
    if isinstance(value, Text):
        value = value.speak(language)
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
