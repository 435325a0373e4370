"""Novatek's dialect: texts in vendor SCSI commands (USB 0603:8611, docs/recorders/novatek.md)."""

from agent.families.attext import AtText


class Novatek(AtText):
    """Number, battery and switch; the clock is neither told nor set."""

    defaults = {  # noqa: RUF012  # read only
        "carrier": "scsi",
        "names": "NOVATEK",
        "opening": "#",
        "between": "",
        "closing": "",
        "login": ("Ver", "{length}", "{password}"),
        "number": ("GetDriveID",),
        "number_verb": "DriveID",
        "number_field": 1,
        "battery": ("Battery",),
        "switch": ("Ner", "{length}", "{password}"),
    }
