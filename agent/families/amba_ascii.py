"""Ambarella's dialect: texts over bulk endpoints (USB 4255:0001, docs/recorders/ambarella.md)."""

from agent.families.attext import AtText


class AmbaAscii(AtText):
    """Number, setting the clock, and a switch that is a toggle; neither battery nor time is told.

    The digits after `Gdv` and `ATH` are those of the maker's tool; what they mean is not known.
    """

    defaults = {  # noqa: RUF012  # read only
        "carrier": "bulk",
        "opening": ";",
        "between": ";",
        "closing": ";#",
        "login": ("Ver", "{length}", "{password}"),
        "number": ("Gdv", "8", "12345678"),
        "number_verb": "Gdv",
        "number_field": 2,
        "clock": (("Sdt", "8", "%Y%m%d"), ("Stm", "6", "%H%M%S00")),
        "switch": ("ATH", "8", "12345678"),
        "is_toggle": True,
    }
