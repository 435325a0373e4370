"""Takes a damaged object out of its place without losing it: it is evidence of its own."""

from itertools import count

from agent.archive import durable
from contracts.errors import ArchiveUnwritableError

DAMAGED = "damaged"


def is_set_aside(tree: durable.Tree, sha256: str, file: tuple[int, int]) -> bool:
    """Tell whether a file (device, inode) is a damaged object that has its name there."""
    with tree.existing(DAMAGED) as damaged:
        if damaged is None:
            return False
        names = [name for name in durable.names(damaged) if name.startswith(f"{sha256}.")]
        return any(durable.identity(damaged, name) == file for name in names)


def set_aside(tree: durable.Tree, folder: int, sha256: str) -> str:
    """Give a damaged object a second name among the damaged, on disk on return; return its path.

    Its own name is left to whoever puts the whole file there, so that at no moment it has none.

    Raises:
        ArchiveUnwritableError: the disk refuses.
    """
    own = durable.identity(folder, sha256)
    if own is None:
        raise ArchiveUnwritableError(reason=f"{sha256}: gone")
    with tree.folder(DAMAGED) as damaged:
        for number in count(1):
            name = f"{sha256}.{number}"
            is_new = durable.link_new(folder, sha256, damaged, name)
            if is_new or durable.identity(damaged, name) == own:
                durable.sync(damaged)
                return f"{DAMAGED}/{name}"
    raise AssertionError  # the numbers never end
