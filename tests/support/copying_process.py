"""A process of its own that copies a made-up card, to be traced, hurt or killed.

`python -m tests.support.copying_process ROOT SIZE...`: the card has one file for each size. Says in
one line of JSON which files were reported, which of them as held, and what ended the copy.
"""

import json
import sys
from pathlib import Path

from contracts.errors import MusterError
from tests.support.visit import Card, Visit


def main(root: Path, *sizes: int) -> None:
    """Copy the card and say so."""
    error = None
    visit = None
    try:
        visit = Visit(root, Card(sizes))
        visit.run()
    except MusterError as raised:
        error = raised.code
    events = visit.reported() if visit else []
    said = {
        "files": [event.planned.file.path.decode() for event in events],
        "held": [event.planned.file.path.decode() for event in events if event.held],
        "digests": [event.sha256 for event in events],
        "error": error,
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
