"""What the parts of a settings file say of one another, as far as each is what it must be.

A document is a parsed TOML text. What has not the shape it must have is no part of these answers:
it is a mistake of its own, and makes nothing else one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.misfit import called, shown

Table = Mapping[str, Any]


def table(document: Table, name: str) -> Table:
    """Return a table; an empty one where there is none."""
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def rows(document: Table, name: str) -> tuple[tuple[str, Table], ...]:
    """Return the tables of a list, each after what people call it."""
    found = document.get(name)
    listed = found if isinstance(found, list | tuple) else ()
    return tuple(
        (called(one, at), one) for at, one in enumerate(listed) if isinstance(one, Mapping)
    )


def doubled(document: Table, name: str, key: str) -> Iterator[str]:
    """Yield a line for each value of a key that more than one row of a list has."""
    given = [row.get(key) for _, row in rows(document, name)]
    values = [one for one in given if one is not None and not isinstance(one, list | Mapping)]
    for value in dict.fromkeys(values):
        count = values.count(value)
        if count > 1:
            yield f"{name}.{key}: {shown(value)} 出现 {count} 次 / given {count} times"


def dangling(
    document: Table, name: str, key: str, target: tuple[str, str], *, may_be_blank: bool = False
) -> Iterator[str]:
    """Yield a line for each row whose key names no row of another list by that one's key.

    While not every row there has a name, nobody knows, and nothing is said.
    """
    known = names(document, *target)
    if known is None:
        return
    for own, row in rows(document, name):
        value = row.get(key)
        if isinstance(value, str) and value not in known and (value or not may_be_blank):
            yield f"{name}.{own}.{key}: 没有 {value!r} / there is no {value!r}"


def names(document: Table, name: str, key: str, default: str | None = None) -> set[str] | None:
    """Return the texts that the rows of a list have under a key; None unless each has one."""
    listed = document.get(name)
    found = [row.get(key, default) for _, row in rows(document, name)]
    texts = [one for one in found if isinstance(one, str)]
    is_whole = isinstance(listed, list | tuple) and len(texts) == len(listed)
    return set(texts) if is_whole else None
