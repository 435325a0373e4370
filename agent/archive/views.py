"""How people find footage: hard links under names they can read, and a manifest of each visit."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count

from agent.archive import durable
from contracts.errors import ObjectMissingError

VIEWS = "执法记录仪影像资料"
MANIFESTS = "manifests"

# GNU coreutils: a line that begins with a backslash holds these in its name.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def link(tree: durable.Tree, objects: int, sha256: str, view: str) -> str:
    """Give an object a name below the views' folder, its own if the wanted one is taken."""
    path, name = _place_of(view)
    with tree.folder(path) as folder:
        own = _link(objects, sha256, folder, name)
        durable.sync(folder)
    return f"{path}/{own}"


def link_all(tree: durable.Tree, root: int, wanted: Sequence[tuple[str, str]]) -> list[str]:
    """Give objects their names as `link` does, in order; bringing them to the medium is not done.

    `wanted` are (view, object) with the object's path below the root.

    Raises:
        ObjectMissingError: there is no such object.
    """
    paths = []
    with ExitStack() as stack:
        folders: dict[str, int] = {}
        for view, kept in wanted:
            if durable.identity(root, kept) is None:
                raise ObjectMissingError(name=kept.rpartition("/")[2])
            path, name = _place_of(view)
            if path not in folders:
                folders[path] = stack.enter_context(tree.folder(path, settled=False))
            paths.append(f"{path}/{_link(root, kept, folders[path], name)}")
    return paths


def _place_of(view: str) -> tuple[str, str]:
    if {"", ".", ".."} & set(view.split("/")):
        raise ValueError(view)
    path, _, name = f"{VIEWS}/{view}".rpartition("/")
    return path, name


def _link(source: int, kept: str, folder: int, name: str) -> str:
    for own in _own_names(name):
        is_new = durable.link_new(source, kept, folder, own)
        if is_new or durable.identity(folder, own) == durable.identity(source, kept):
            return own
    raise AssertionError  # the names never end


def write_manifest(
    tree: durable.Tree, incoming: int, visit: str, lines: Sequence[tuple[str, str]]
) -> str:
    """Write a visit's manifest in one step over the one it may have; return its SHA-256."""
    if not visit or "/" in visit or visit.startswith("."):
        raise ValueError(visit)
    content = "".join(_line(sha256, path) for sha256, path in lines).encode()
    with tree.folder(MANIFESTS) as folder, durable.new_part(incoming) as part:
        durable.write_at(part.fd, 0, memoryview(content))
        durable.sync(part.fd)
        durable.replace(incoming, part.name, folder, f"{visit}.sha256")
        durable.sync(folder)
    return hashlib.sha256(content).hexdigest()


def _line(sha256: str, path: str) -> str:
    escaped = path.translate(_ESCAPES)
    mark = "\\" if escaped != path else ""
    return f"{mark}{sha256}  {escaped}\n"


def _own_names(name: str) -> Iterator[str]:
    yield name
    stem, dot, suffix = name.rpartition(".")
    for number in count(2):
        yield f"{stem} ({number}).{suffix}" if dot and stem else f"{name} ({number})"
