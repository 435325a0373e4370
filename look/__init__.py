"""What both programs' pages share: the look as static files, and how templates are filled."""

from pathlib import Path


def folder() -> Path:
    """Return the folder that both programs serve under /look."""
    return Path(__file__).parent
