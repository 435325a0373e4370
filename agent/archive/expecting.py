"""What the ledger says the archive must hold, a part at a time, so that memory stays small."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import get_args

from agent.archive.grouping import path_of
from agent.archive.views import MANIFESTS
from contracts.archive_facts import (
    ArchiveCommissioned,
    FootageDamaged,
    FootageIntact,
    FootageMissing,
    FootageReplaced,
    ViewRemade,
)
from contracts.copy_facts import FootageRestored
from contracts.facts import (
    FootageImported,
    FootageUnreadable,
    RecorderDocked,
    VisitCompleted,
    fact_of,
)
from contracts.loading import from_json, from_object
from ledger.records import Records


@dataclass(frozen=True, slots=True)
class Expected:
    """One file: an object, by its first import; or, without views, what belongs beside the objects.

    `path` is where it belongs, below the archive's root; `views` are the names of all its imports.
    `size` is None and `sha256` empty where no entry tells it. `sequence` is the newest entry that
    names it; `earlier`: it was entered before the archive's disk was replaced, so it may be on the
    old one.
    """

    sha256: str
    size: int | None
    recorder: str
    path: str
    views: tuple[str, ...]
    sequence: int
    earlier: bool

    @property
    def shown(self) -> str:
        """The name people know it by."""
        return self.views[0] if self.views else self.path


MOST_HELD = 20_000  # imports; beyond, the ledger is read anew for every part


class Books:
    """The ledger's entries about the archive."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._read_to = 0
        self._held = 0
        self._shelves: dict[str, dict[str, Expected]] | None = {}

    def commissioned(self) -> ArchiveCommissioned | None:
        """Return the archive this station has now."""
        found = list(self._records.select(types=(ArchiveCommissioned.TYPE,)))
        return fact_of(found[-1], ArchiveCommissioned) if found else None

    def has_footage(self) -> bool:
        """Tell whether anything was ever imported."""
        return next(self._records.select_raw(types=(FootageImported.TYPE,)), None) is not None

    def objects(self, prefix: str) -> dict[str, Expected]:
        """Return every object whose digest begins so."""
        replaced = self._replaced()
        if self._catch_up(replaced):
            return dict(self._shelves.get(prefix, {})) if self._shelves else {}
        found: dict[str, Expected] = {}
        for sequence, one in self._imports(f'"sha256":"{prefix}'.encode()):
            _put(found, one, sequence, earlier=sequence < replaced)
        return found

    def views(self, prefix: str) -> set[str]:
        """Return every name that begins so and was given to footage."""
        remade = self._records.select(types=(ViewRemade.TYPE,))
        found = {one.view for _, one in self._imports(f'"view":"{prefix}'.encode())}
        return found | {fact_of(entry, ViewRemade).made for entry in remade}

    def kept(self) -> dict[str, Expected]:
        """Return the damaged objects that were kept when whole ones took their place, by path.

        They are what they were found to be when they were entered as damaged, if they were.
        """
        replaced = self._replaced()
        seen: dict[str, FootageDamaged] = {}
        found = {}
        for entry in self._records.select(types=tuple(_JUDGED)):
            fact = fact_of(entry, _JUDGED[entry.type])
            known = seen.pop(fact.object, None)
            if isinstance(fact, FootageDamaged):
                seen[fact.object] = fact
            elif isinstance(fact, FootageReplaced | FootageRestored) and fact.kept is not None:
                sha256 = (known and known.found_sha256) or ""
                size = known.found_size if known and sha256 else None
                is_earlier = entry.sequence < replaced
                found[fact.kept] = Expected(
                    sha256, size, fact.recorder, fact.kept, (), entry.sequence, is_earlier
                )
        return found

    def manifests(self) -> set[str]:
        """Return the names of the manifests that visits may have."""
        docked = self._records.select(types=(RecorderDocked.TYPE,))
        return {f"{entry.data['visit']}.sha256" for entry in docked}

    def beside(self) -> dict[str, Expected]:
        """Return what belongs beside the objects, by its path.

        These are the manifests of completed visits and the partial files: what was kept of files
        that could not be read whole.
        """
        replaced = self._replaced()
        found = {}
        for entry in self._records.select(types=tuple(_BESIDE)):
            one = from_object(dict(entry.data), _BESIDE[entry.type])
            path, sha256, size = one.file
            if path is not None and sha256 is not None:
                found[path] = Expected(
                    sha256, size, one.recorder, path, (), entry.sequence, entry.sequence < replaced
                )
        return found

    def named(self, paths: Collection[str]) -> set[str]:
        """Return those of these paths that an entry names."""
        wanted = set(paths)
        if not wanted:
            return set()
        return wanted & self.beside().keys() | {
            path
            for _, one in self._imports(b"")
            for path in (one.view, path_of(one.sha256))
            if path in wanted
        }

    def _catch_up(self, replaced: int) -> bool:
        """Keep what a small archive holds in memory; tell whether it is all there."""
        if self._shelves is None:
            return False
        for sequence, one in self._imports(b"", self._read_to):
            shelf = self._shelves.setdefault(one.sha256[:2], {})
            _put(shelf, one, sequence, earlier=sequence < replaced)
            self._read_to = sequence
            self._held += 1
            if self._held > MOST_HELD:
                self._shelves = None
                return False
        return True

    def _replaced(self) -> int:
        """Return the entry by which the archive's disk was replaced last."""
        commissioned = self._records.select(types=(ArchiveCommissioned.TYPE,))
        replaced = [entry.sequence for entry in commissioned if entry.data.get("replaces")]
        return max(replaced, default=0)

    def _imports(self, holding: bytes, after: int = 0) -> Iterator[tuple[int, "_Import"]]:
        for raw in self._records.select_raw(types=(FootageImported.TYPE,), after=after):
            if holding in raw:  # far cheaper than decoding what another part asks for
                imported = from_json(raw, _Imported)
                yield imported.sequence, imported.data


def _put(found: dict[str, Expected], one: "_Import", sequence: int, *, earlier: bool) -> None:
    before = found.get(one.sha256)
    first = before or one
    views = (*(before.views if before else ()), one.view)
    names = tuple(dict.fromkeys(views))
    path = path_of(one.sha256)
    found[one.sha256] = Expected(
        one.sha256, first.size, first.recorder, path, names, sequence, earlier
    )


@dataclass(frozen=True)
class _Import:
    sha256: str
    size: int
    recorder: str
    view: str


@dataclass(frozen=True)
class _Completed:
    visit: str
    recorder: str
    manifest_sha256: str

    @property
    def file(self) -> tuple[str | None, str | None, int | None]:
        """Its manifest: path, digest, size."""
        return f"{MANIFESTS}/{self.visit}.sha256", self.manifest_sha256, None


@dataclass(frozen=True)
class _Unreadable:
    recorder: str
    partial: str | None = None
    partial_bytes: int = 0
    partial_sha256: str | None = None

    @property
    def file(self) -> tuple[str | None, str | None, int | None]:
        """The partial file, if there is one: path, digest, size."""
        return self.partial, self.partial_sha256, self.partial_bytes


@dataclass(frozen=True)
class _Imported:
    sequence: int
    data: _Import


_Judged = FootageDamaged | FootageMissing | FootageIntact | FootageReplaced | FootageRestored
_JUDGED: dict[str, type[_Judged]] = {kind.TYPE: kind for kind in get_args(_Judged)}
_BESIDE: dict[str, type[_Completed | _Unreadable]] = {
    VisitCompleted.TYPE: _Completed,
    FootageUnreadable.TYPE: _Unreadable,
}
