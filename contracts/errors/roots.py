"""The five roots of every error Muster raises on purpose: by whose fault it is."""

from collections.abc import Iterator
from typing import ClassVar

from contracts.text import Text


class MusterError(Exception):
    """Any error of ours; only subclasses of the five roots below are raised."""

    code: ClassVar[str]
    sentence: ClassVar[Text]
    remedy: ClassVar[Text]

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.code)

    @property
    def text(self) -> Text:
        """The sentence with its fields filled in."""
        return self.sentence.fill(**self.fields)

    @property
    def account(self) -> str:
        """What a terminal or a journal shows: the sentence, then what to do next."""
        return f"{self}\n→ {self.remedy.fill(**self.fields)}"

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]"


class RecorderError(MusterError):
    """The recorder, its card or its cable is at fault."""


class StationError(MusterError):
    """The station's machine, disk, settings or the people at it are at fault."""


class UplinkError(MusterError):
    """The broker, the network or the index is at fault."""


class LedgerError(MusterError):
    """The ledger is not what it was."""


class InternalError(MusterError):
    """We are at fault."""


def all_errors(root: type[MusterError] = MusterError) -> Iterator[type[MusterError]]:
    """Yield every error class that has a code, for the manual and its test."""
    for error in root.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from all_errors(error)
