"""Patterns from profiles: a part of regular expressions in which none can hang.

Whatever a quantifier takes it keeps, and the first alternative that fits stays chosen (possessive
and atomic, Python 3.11). So nothing is ever tried twice, and matching takes time in proportion to
pattern and text, whoever wrote either. For an author it means: write `[^,]+,` and not `.+,`, and
the longer alternative first.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

PATTERN_MAX = 300
_UNKNOWN = (
    "不支持, 从此处起; 分组写 (?:…) 或 (?P<name>…), 其后只能跟 ?"
    " / not known from here on; a group is (?:…) or (?P<name>…), and only ? may follow it"
)
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
        ValueError: for anything else, with the place, in both languages.
    """
    if len(pattern) > PATTERN_MAX:
        raise ValueError(f"样式过长 / too long: {len(pattern)} > {PATTERN_MAX}")
    try:
        return re.compile(_kept(_tokens(pattern)), re.ASCII)
    except re.error as error:
        raise ValueError(f"不成样式 / no pattern: {error}") from error


def _tokens(pattern: str) -> list[re.Match[str]]:
    tokens = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(f"{_UNKNOWN}: {pattern[at : at + 8]!r} ({at + 1})")
        tokens.append(token)
        at = token.end()
    return tokens


def _kept(tokens: Iterable[re.Match[str]]) -> str:
    """Return tokens as a pattern that gives nothing back.

    An optional group is one of two alternatives: CPython's own quantifiers behind a group that
    captures may end in SystemError where they are possessive (gh-101955).
    """
    said = [""]
    names: list[str | None] = []
    for token in tokens:
        if token["open"]:
            said.append("")
            names.append(token["name"])
        elif not token["close"]:
            said[-1] += token[0] + ("+" if token["many"] else "")
        elif not names:
            raise ValueError(f"多余的 / one too many: ')' ({token.start() + 1})")
        else:
            group, name = f"(?>{said.pop()})", names.pop()
            group = f"(?P<{name}>{group})" if name else group
            said[-1] += f"(?>{group}|)" if token["close"] == ")?" else group
    if names:
        raise ValueError("没有闭合 / not closed: '('")
    return f"(?>{said[0]})"
