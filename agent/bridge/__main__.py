"""`python -m agent.bridge FD PLUG ID_CODE CPU_SECONDS`: one library, asked in lines of JSON.

The library is open as FD, and may use the USB plug PLUG ("-" for none). The first line said tells
the walls, or why it cannot begin.
"""

import base64
import json
import os
import sys
from pathlib import Path

from agent import walls
from agent.bridge.calls import CallError, Library
from agent.bridge.confinement import confine
from contracts.errors import ConfinementError


def main() -> None:
    """Confine this process, load the library, then answer one call a line until the input ends."""
    fd, plug, id_code, cpu_seconds = sys.argv[1:]
    walls.die_with_parent()
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    path = Path(f"/proc/self/fd/{fd}")
    try:
        up = confine(path.readlink(), None if plug == "-" else Path(plug), int(cpu_seconds))
        library = Library(str(path), id_code)
    except (ConfinementError, OSError) as error:
        _say(answers, {"error": str(error)})
        return
    _say(answers, {"walls": up})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            payload = base64.b64decode(asked["payload"])
            _say(answers, library.call(asked["function"], asked["password"], payload))
        except CallError as error:
            _say(answers, {"error": str(error)})


def _say(answers: "os._wrap_close | object", said: dict[str, object]) -> None:
    print(json.dumps(said), file=answers, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
