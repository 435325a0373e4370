"""How the words for one type of entry are put."""

from dataclasses import dataclass

from contracts.text import Text


@dataclass(frozen=True)
class Words:
    """An entry type's name and sentence; a tail is said where its attribute is not empty.

    Fields: `{fact.x}` as it is, `{who[x]}` a person's name, `{term[x]}` a word for a code,
    `{told[x]}` a reason that was entered in both languages, `{when[x]}` a moment, `{size[x]}`
    bytes, `{offset[x]}` a clock's error, `{count[x]}` a number that may not be known, `{short[x]}`
    the beginning of a digest, `{number[x]}` how many there are, `{checked[x]}` readings,
    `{found[x]}` findings, `{asked[x]}` and `{answered[x]}` a whole question or answer.
    """

    title: Text
    sentence: Text
    tails: tuple[tuple[str, Text], ...] = ()
