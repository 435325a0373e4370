"""The languages recorders are spoken with: dialogues only, no port is ever opened here."""

from collections.abc import Callable, Mapping

from agent.core.family import Family
from agent.families.amba_ascii import AmbaAscii
from agent.families.amba_control import AmbaControl
from agent.families.e12 import E12
from agent.families.grammar import Grammar
from agent.families.jieli import Jieli
from agent.families.novatek import Novatek
from agent.families.vendor_library import VendorLibrary
from agent.families.zzx import Zzx

# What a profile's `language.family` names; each is made from the profile's `language.options`.
# A maker raises SettingsError for options that do not fit.
FAMILIES: dict[str, Callable[[Mapping[str, object]], Family]] = {
    "amba_ascii": AmbaAscii,
    "amba_control": AmbaControl,
    "e12": E12,
    "grammar": Grammar,
    "jieli": Jieli,
    "novatek": Novatek,
    "vendor_library": VendorLibrary,
    "zzx": Zzx,
}
