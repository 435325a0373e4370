"""What each language does with an emulated recorder.

`python -m tests.families.matrix` prints it as a table.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from agent.core.dialogue import converse
from agent.core.family import Guarded
from agent.families import FAMILIES
from agent.families.ptp import PictureTransfer
from agent.families.vendor_library import VendorLibrary
from agent.profiles import load
from agent.transports.vendor_library import open_library
from contracts.errors import NoAnswerError
from tests.support.declared import TEXT
from tests.support.emulated import Emulated
from tests.support.emulators.amba_ascii import AmbaAscii
from tests.support.emulators.amba_control import AmbaControl
from tests.support.emulators.e12 import E12
from tests.support.emulators.jieli import Jieli
from tests.support.emulators.novatek import Novatek
from tests.support.emulators.ptp import Recorder as Pictures
from tests.support.emulators.ptp_usb import Plug
from tests.support.emulators.serial_recorder import TextRecorder
from tests.support.emulators.zzx import PASSWORD, Zzx
from tests.support.ptp_wire import Wire as Cable
from tests.support.vendor_library import compiled
from tests.support.wire import Wire

ASKED = ("probe", "identity", "battery", "clock_read", "clock_set", "storage", "switch")
NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
# By the name of a shipped profile: the way to its emulated recorder, and a station's own options.
MET = {
    "novatek-text": (lambda: Emulated(Novatek()), {}),
    "amba-ctrl": (lambda: Emulated(AmbaControl()), {}),
    "amba-ascii": (lambda: Emulated(AmbaAscii()), {}),
    "jieli-dv16": (lambda: Emulated(Jieli()), {}),
    "android-zzx": (lambda: Wire(Zzx()), {"password": PASSWORD}),
    "android-e12": (lambda: Wire(E12()), {}),
}


def shipped():
    """Return the shipped profiles whose language is a dialogue of ours, by name."""
    known = load(None, {**FAMILIES, "ptp": dict}).profiles
    return {one.name: one for one in known if one.language and one.language.family in FAMILIES}


def facts_of(family, way):
    """Return the facts that a recorder tells or takes, in the order a visit asks for them."""
    asks = {
        "probe": family.probe,
        "login": family.log_in if isinstance(family, Guarded) else None,
        "identity": family.identity,
        "battery": family.battery,
        "clock_read": family.clock,
        "clock_set": lambda: family.set_clock(NOW),
        "storage": family.storage,
        "switch": family.switch,
    }
    return {fact for fact, ask in asks.items() if ask and _tells(ask, way)} & set(ASKED)


def rows():
    """Yield the name of each language's profile and its facts."""
    for name, profile in shipped().items():
        way, own = MET[name]
        family = FAMILIES[profile.language.family]({**profile.language.options, **own})
        yield name, facts_of(family, way())
    yield "serial (declared)", facts_of(FAMILIES["grammar"](TEXT), Wire(TextRecorder()))
    session, cable = PictureTransfer({}), Cable(Plug(Pictures()))
    converse(session.begin(), cable)
    yield "ptp", facts_of(session, cable)
    with tempfile.TemporaryDirectory() as folder:
        made = compiled(Path(folder), "WANTED_HOUR=14")  # in UTC, when the library sets it
        transport = open_library(None, made)
        yield "vendor library", facts_of(VendorLibrary(made), transport)
        transport.close()


def _tells(ask, way):
    try:
        told = converse(ask(), way)
    except NoAnswerError:
        return False
    return bool(getattr(told, "device_number", told))


def cleared(name):
    """Return how cards are cleared: by the language, as the disk it becomes, or not."""
    if name == "ptp":
        return "+"
    known = shipped().get(name)
    return "disk" if known and known.clearing else "-"


def table():
    """Yield the lines of the table."""
    yield (" " * 20 + "".join(f"{fact:<11}" for fact in (*ASKED, "clear"))).rstrip()
    for name, facts in rows():
        told = ["+" if fact in facts else "-" for fact in ASKED]
        yield (f"{name:<20}" + "".join(f"{one:<11}" for one in (*told, cleared(name)))).rstrip()


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in table())
