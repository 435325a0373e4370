"""The pages' own words: Chinese in the templates, English from a gettext catalogue."""

from pathlib import Path

from babel.messages.pofile import read_po


def read_catalogue(path: Path) -> dict[str, str]:
    """Return the translated messages of a .po file."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    messages = ((message.id, message.string) for message in catalogue if message.id)
    return {
        phrase: said
        for phrase, said in messages
        if isinstance(phrase, str) and isinstance(said, str) and said
    }
