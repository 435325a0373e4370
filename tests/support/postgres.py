"""A PostgreSQL cluster of our own in a folder of its own, run as the user postgres."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.mosquitto import free_port

BINARIES = Path("/usr/lib/postgresql/15/bin")


class Postgres:
    """A running cluster; `url` is of a fresh database each time."""

    def __init__(self, *, durable=False):
        self._sync = "" if durable else "-F"
        assert BINARIES.exists(), "PostgreSQL 15 is not installed: apt-get install postgresql"
        assert os.geteuid() == 0, "the cluster is run as the user postgres, which only root can"
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        shutil.chown(self._folder, "postgres")
        self.port = free_port()
        self._made = 0
        self._run("initdb", "-D", "data", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()

    def url(self):
        self._made += 1
        name = f"muster{self._made}"
        self._run("createdb", "-h", str(self._folder), "-p", str(self.port), name)
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def copy(self, source, target):
        """Make one database what another is; each is a name or the URL of one."""
        source, target = (word.rpartition("/")[2] for word in (source, target))
        where = ("-h", str(self._folder), "-p", str(self.port))
        self._run("dropdb", *where, "--if-exists", "--force", target)
        self._run("createdb", *where, "-T", source, target)

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._folder} {self._sync}"
        self._run("pg_ctl", "-D", "data", "-w", "-o", options, "-l", "log", "start")

    def stop(self):
        """Stop it as a crash does."""
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        self.stop()
        shutil.rmtree(self._folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self, program, *arguments):
        done = subprocess.run(
            ["runuser", "-u", "postgres", "--", str(BINARIES / program), *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
