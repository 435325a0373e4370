"""A process of its own that seals one file, to be traced, hurt or killed.

`python -m tests.support.sealing_process ROOT FILE [STOP_AT]`: says what became of it as one line
of JSON; with STOP_AT it says "stopped" at that byte and waits for its end.
"""

import json
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from agent.archive import Archive
from contracts.errors import MusterError
from tests.support.source import MemoryFile


def main(root: Path, file: Path, stop_at: int | None = None) -> None:
    """Seal the file and say so."""
    content = file.read_bytes()

    def progress(done: int) -> None:
        if stop_at is not None and done >= stop_at:
            sys.stdout.write("stopped\n")
            sys.stdout.flush()
            signal.pause()

    archive = Archive(root)
    try:
        archive.prepare()
        sealed = archive.seal(
            MemoryFile(content), len(content), "a.mp4", sm3=False, progress=progress
        )
        said = asdict(sealed)
    except MusterError as error:
        said = {"error": error.code}
    said["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
