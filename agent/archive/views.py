"""How people find footage: hard links under names they can read, and a manifest of each visit."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import count

from agent.archive import durable, sealing
from agent.archive.grouping import INCOMING
from agent.archive.replacing import is_set_aside
from contracts.errors import ArchiveUnwritableError, ObjectMissingError

VIEWS = "执法记录仪影像资料"
MANIFESTS = "manifests"

# GNU coreutils: a line that begins with a backslash holds these in its name.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def link(tree: durable.Tree, objects: int, sha256: str, view: str) -> str:
    """Give an object a name below the views' folder, its own if other bytes have the wanted one."""
    path, name = _place_of(view)
    with tree.folder(path) as folder:
        own = _link(tree, objects, sha256, folder, name)
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
            paths.append(f"{path}/{_link(tree, root, kept, folders[path], name)}")
    return paths


def _place_of(view: str) -> tuple[str, str]:
    if {"", ".", ".."} & set(view.split("/")):
        raise ValueError(view)
    path, _, name = f"{VIEWS}/{view}".rpartition("/")
    return path, name


def _link(tree: durable.Tree, source: int, kept: str, folder: int, name: str) -> str:
    for own in _own_names(name):
        is_new = durable.link_new(source, kept, folder, own)
        if is_new or durable.identity(folder, own) == durable.identity(source, kept):
            return own
        if _is_former(tree, source, kept, folder, own):
            with tree.folder(INCOMING) as incoming:
                durable.replace_by_link(source, kept, incoming, folder, own)
            return own
    raise AssertionError  # the names never end


def _is_former(tree: durable.Tree, source: int, kept: str, folder: int, name: str) -> bool:
    """Tell whether a name shows the file that an object's place was taken from, or lost.

    Nothing goes with such a name: the damaged file has one of its own, the lost one the same bytes.
    """
    file, sha256 = durable.identity(folder, name), kept.rpartition("/")[2]
    if file is not None and is_set_aside(tree, sha256, file):
        return True
    if durable.size_of(folder, name) != durable.size_of(source, kept):
        return False
    with suppress(ArchiveUnwritableError):
        return sealing.digest(folder, name) == sha256
    return False


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
