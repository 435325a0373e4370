"""Patterns from profiles: a part of regular expressions in which none can hang.

Whatever a quantifier takes it keeps, and the first alternative that fits stays chosen (possessive
and atomic, Python 3.11). So nothing is ever tried twice, and matching takes time in proportion to
pattern and text, whoever wrote either. For an author it means: write `[^,]+,` and not `.+,`, and
the longer alternative first.
"""

import re
from functools import lru_cache

PATTERN_MAX = 300
_TOKEN = re.compile(
    r"""
    (?P<open>\((?:\?:|\?P<(?P<name>[a-z][a-z0-9_]*)>))
    |(?P<close>\)\??)
    |(?P<bar>\|)
    |(?P<atom>
        \\[dDwWsSrnt]|\\x[0-9a-fA-F]{2}|\\[^A-Za-z0-9]
        |\[\^?(?:\\.|[^\]\\\[])+\]
        |[^\\()\[\]{}|*+?^$]
    )(?P<many>[*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?
    """,
    re.VERBOSE,
)


@lru_cache
def compiled(pattern: str) -> re.Pattern[str]:
    r"""Return a pattern that matches whole texts only.

    It knows characters, classes, `\d \w \s \r \n \t \xHH`, groups `(?:…)` and `(?P<name>…)`,
    alternatives, and the quantifiers `? * + {m,n}` after one character or class; after a group
    only `?`.

    Raises:
        ValueError: for anything else, with the place.
    """
    if len(pattern) > PATTERN_MAX:
        raise ValueError(f"{len(pattern)} > {PATTERN_MAX}")
    tokens = _tokens(pattern)
    closings: list[str] = []
    said = [_kept(token, closings) for token in tokens]
    try:
        return re.compile(f"(?>{''.join(said)})", re.ASCII)
    except re.error as error:
        raise ValueError(str(error)) from error


def _tokens(pattern: str) -> list[re.Match[str]]:
    tokens = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(f"{at}: {pattern[at : at + 8]!r}")
        tokens.append(token)
        at = token.end()
    return tokens


def _kept(token: re.Match[str], closings: list[str]) -> str:
    """Return a token as one that gives nothing back."""
    if token["open"]:
        closings.append("))" if token["name"] else ")")
        return f"(?P<{token['name']}>(?>" if token["name"] else "(?>"
    if token["close"]:
        if not closings:
            raise ValueError(f"{token.start()}: )")
        return closings.pop() + ("?+" if token["close"] == ")?" else "")
    if token["bar"]:
        return "|"
    return token["atom"] + (f"{token['many']}+" if token["many"] else "")
