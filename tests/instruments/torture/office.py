"""The index under torture: the real program, its whole state saved now and then, and set back."""

import shutil
from contextlib import closing
from pathlib import Path

from index.store import Store
from tests.support.index_program import IndexProgram
from tests.support.postgres import Postgres


class Office(IndexProgram):
    """An index that may be killed, saved and set back to what was saved."""

    def __init__(self, folder: Path, broker_port: int, postgres: Postgres | None) -> None:
        self._postgres = postgres
        self._saved = Path(folder) / "saved"
        super().__init__(folder, broker_port, postgres.url() if postgres else None)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def save(self) -> None:
        """Save database, keys and own ledger; the index must not run."""
        shutil.rmtree(self._saved, ignore_errors=True)
        self._saved.mkdir()
        if (self.folder / "state").exists():
            shutil.copytree(self.folder / "state", self._saved / "state")
        if self._postgres:
            self._postgres.copy(self.database, "saved")
        else:
            for file in self.folder.glob("index.db*"):
                shutil.copy2(file, self._saved)

    @property
    def is_saved(self) -> bool:
        """Whether there is something to set back to."""
        return self._saved.exists()

    def set_back(self) -> None:
        """Put back what was saved, as a restored backup is; the index must not run."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        shutil.copytree(self._saved / "state", self.folder / "state")
        if self._postgres:
            self._postgres.copy("saved", self.database)
            return
        for file in self.folder.glob("index.db*"):
            file.unlink()
        for file in self._saved.glob("index.db*"):
            shutil.copy2(file, self.folder)

    def stored(self) -> list[bytes]:
        """Return the entries it has stored of the station, in order."""
        with closing(Store.open(self.database)) as store:
            rows = store.stations()
            return [
                entry.body for row in rows for entry in store.entries_of(row.id, row.frontier.size)
            ]
