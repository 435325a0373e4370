"""Asks recorders what their languages can, over real ports; run with the Python of the agent.

asking.py FOLDER: takes N.json, {"family", "transport", "node", "options", "verbs"}, and answers
with N.answer, {verb: what it found or the code of the error}. At the verb "wait" it makes the file
`waiting`, and goes on when that is gone. One process for a test: to start it is slow.
"""

import json
import sys
import time
from datetime import datetime
from pathlib import Path

from agent.core.dialogue import converse
from agent.families import FAMILIES
from agent.transports.scsi import open_scsi
from agent.transports.usb import open_usb
from contracts.errors import MusterError

OPENERS = {"scsi": open_scsi, "usb": open_usb}
LOCAL = datetime(2026, 8, 4, 9, 5, 59)  # noqa: DTZ001  # as a recorder shows it


FOLDER = Path(sys.argv[1])


def found(family, way, verb):
    """Return what one dialogue found, or which error ended it."""
    if verb == "wait":
        return wait()
    arguments = (LOCAL,) if verb == "set_clock" else ()
    try:
        answer = converse(getattr(family, verb)(*arguments), way)
    except MusterError as error:
        return error.code
    value = getattr(answer, "value", answer)
    return getattr(value, "device_number", value)


def answered(asked):
    """Open a port, ask in the order given, close it."""
    family = FAMILIES[asked["family"]](asked["options"])
    try:
        way = OPENERS[asked["transport"]](Path(asked["node"]))
    except MusterError as error:
        return {"open": error.code}
    try:
        return {verb: found(family, way, verb) for verb in asked["verbs"]}
    finally:
        way.close()


def wait():
    """Wait until told to go on."""
    (FOLDER / "waiting").touch()
    while (FOLDER / "waiting").exists():
        time.sleep(0.02)


def main():
    """Serve until killed."""
    while True:
        for question in FOLDER.glob("*.json"):
            answer = answered(json.loads(question.read_text()))
            question.unlink()
            written = question.with_suffix(".written")
            written.write_text(json.dumps(answer))
            written.replace(question.with_suffix(".answer"))
        time.sleep(0.05)


main()
