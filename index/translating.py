"""The pages' own words: Chinese in the templates, English from a gettext catalogue."""

from pathlib import Path

from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent / "locale"


def english() -> dict[str, str]:
    """Return the English of every phrase in the templates."""
    with (LOCALE / "en.po").open("rb") as file:
        catalogue = read_po(file)
    phrases = ((message.id, message.string) for message in catalogue if message.id)
    return {
        phrase: said
        for phrase, said in phrases
        if isinstance(phrase, str) and isinstance(said, str) and said
    }
