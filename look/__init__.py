"""The common look of the pages: style sheets, logo, signs and htmx, as static files to serve."""

from pathlib import Path


def folder() -> Path:
    """Return the folder that both programs serve under /look."""
    return Path(__file__).parent
